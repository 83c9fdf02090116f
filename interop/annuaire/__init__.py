"""The national directory of health professionals and structures, as its FHIR R4 API says it."""
