"""Stand-in of the Annuaire Santé: its FHIR R4 API, with fictitious professionals and structures."""
