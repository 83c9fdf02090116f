"""CDA R2 of the CI-SIS: build, read and check documents (N1 and N3)."""
