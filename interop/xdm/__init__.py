"""Archives IHE_XDM.ZIP: documents with their metadata, as files (ITI-32, CI-SIS volet Échange; cda.md 9)."""
