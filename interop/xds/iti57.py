"""ITI-57, Update Document Set: change of status (TD3.3c, TD3.3d) or of confidentiality (TD3.3a, TD3.3b).

Source: spec dmp 3.6. The structure deletes its own documents in indirect mode; an identified professional
masks, and makes visible, in AIR mode.
"""

from __future__ import annotations

from lxml import etree

from interop.xds import codes
from interop.xds.ebrim import build_metadata_update, build_submit_objects
from interop.xds.metadata import Association, Code, DocumentEntry, RegistryObjects, SubmissionSet


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


def build_visibility_update(
    lot: SubmissionSet, *, entry: DocumentEntry, confidentiality: tuple[Code, ...]
) -> etree._Element:
    """Return the body of the request.

    `entry` is as TD3.1 returned it just before: the registry compares its version with the one in force
    (`XDSMetadataVersionError`). `confidentiality` is the whole new set, `N` first.

    Raises:
        MetadataError: the lot is incomplete, the entry was not read in a registry, or the codes are wrong.
    """
    return build_metadata_update(lot, entry, confidentiality)
