"""Writes of the documents room: those made here, those received from elsewhere."""

from documents.services.deletion import document_delete
from documents.services.importing import (
    ImportBy,
    LooseFile,
    dropped_of,
    import_file,
    import_open,
    loose_file_import,
    returns,
)
from documents.services.notices import (
    notice_report,
    notices_see,
    notices_unsee,
    reception_view,
    report_answer,
)
from documents.services.produced import (
    OID_SEQUENCE,
    document_revise,
    draft_create,
    draft_save,
    stay_lock,
    version_rebuild,
    version_reissue,
    version_validate,
    version_view,
)
from documents.services.received import document_delete_received, document_receive, reception_refuse
from documents.services.removed import READ_REMOVED, removed_refuse
from documents.services.visibility import visibility_follow

__all__ = [
    "READ_REMOVED",
    "ImportBy",
    "LooseFile",
    "dropped_of",
    "import_file",
    "import_open",
    "loose_file_import",
    "OID_SEQUENCE",
    "document_delete",
    "document_delete_received",
    "document_receive",
    "document_revise",
    "draft_create",
    "draft_save",
    "notice_report",
    "notices_see",
    "notices_unsee",
    "reception_refuse",
    "removed_refuse",
    "reception_view",
    "report_answer",
    "returns",
    "stay_lock",
    "version_rebuild",
    "version_reissue",
    "version_validate",
    "version_view",
    "visibility_follow",
]
