"""Rules of the documents room: documents made here, documents received from elsewhere."""

from documents.rules.produced import (
    IDENTITY_FACTS,
    is_minor,
    says_the_same,
    tells_same_person,
    visibility_fault,
)
from documents.rules.received import (
    Arrival,
    FilingStay,
    Held,
    Ruling,
    application_code,
    has_author_right,
    number_of,
    ruling_on,
    ruling_on_deletion,
    stay_to_file_in,
)

__all__ = [
    "IDENTITY_FACTS",
    "Arrival",
    "FilingStay",
    "Held",
    "Ruling",
    "application_code",
    "has_author_right",
    "is_minor",
    "visibility_fault",
    "number_of",
    "ruling_on",
    "ruling_on_deletion",
    "says_the_same",
    "stay_to_file_in",
    "tells_same_person",
]
