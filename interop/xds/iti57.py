"""ITI-57, Update Document Set: change of availability status (TD3.3c deletion, TD3.3d archiving).

Source: spec dmp 3.6. The structure deletes its own documents in indirect mode; nothing else of ITI-57 is
open to it.
"""

from __future__ import annotations

from lxml import etree

from interop.xds import codes
from interop.xds.ebrim import build_submit_objects
from interop.xds.metadata import Association, RegistryObjects, SubmissionSet


def build_status_update(
    lot: SubmissionSet, *, entry_uuid: str, original_status: str, new_status: str
) -> etree._Element:
    """Return the body of the request.

    `entry_uuid` is that of the current version of the metadata, read again just before (TD3.1b): it changes
    with each change of the metadata.

    Raises:
        MetadataError: the lot lacks what the registry requires.
    """
    association = Association(
        codes.ASSOCIATION_UPDATE_STATUS,
        lot.entry_id,
        entry_uuid,
        ((codes.SLOT_ORIGINAL_STATUS, original_status), (codes.SLOT_NEW_STATUS, new_status)),
    )
    return build_submit_objects(RegistryObjects(sets=(lot,), associations=(association,)))
