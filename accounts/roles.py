"""The default matrix of rights: what each role is offered at installation (security 3.1, psc 17).

A hospital may change its roles afterwards: they are data. `exchange.raw`, `sending.reprise` and
`documents.import_mismatch` are offered to nobody: who reads raw messages, who resends years of
documents, and who files a document under another matricule, is for the hospital to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from accounts.enums import RoleCode, RoleFamily
from accounts.permissions import PERMISSIONS, checked


@dataclass(frozen=True, slots=True)
class DefaultRole:
    family: RoleFamily
    permissions: tuple[str, ...]


def _role(family: RoleFamily, *permissions: str) -> DefaultRole:
    return DefaultRole(family, checked(permissions))


_READ_RECORD = (
    "patients.search",
    "patients.unit_list",
    "patients.identity_view",
    "patients.ins_view",
    "patients.open",
    "consent.view",
)

DEFAULT_ROLES: Final[dict[RoleCode, DefaultRole]] = {
    RoleCode.PRESCRIPTEUR: _role(
        RoleFamily.CARE,
        *_READ_RECORD,
        "patients.alerts_write",
        "patients.break_glass",
        "consent.record",
        "documents.view",
        "documents.write",
        "documents.validate",
        "documents.delete",
        "documents.visibility",
        "documents.import",
        "documents.received",
        "dmp.consult",
        "dmp.break_glass",
        "mssante.directory",
        "sending.list",
        "sending.hold",
        "sending.add",
    ),
    RoleCode.PHARMACIEN: _role(
        RoleFamily.CARE,
        *_READ_RECORD,
        "patients.alerts_write",
        "patients.break_glass",
        "documents.view",
        "documents.write",
        "documents.validate",
        "documents.import",
        "documents.received",
        "dmp.consult",
        "dmp.break_glass",
        "mssante.directory",
        "sending.list",
        "sending.hold",
        "sending.add",
    ),
    RoleCode.SOIGNANT: _role(
        RoleFamily.CARE,
        *_READ_RECORD,
        "patients.alerts_write",
        "patients.break_glass",
        "consent.record",
        "documents.view",
        "documents.write",
        "documents.import",
        "documents.received",
        "dmp.consult",
        "mssante.directory",
        "sending.list",
    ),
    RoleCode.MEDICOTECHNIQUE: _role(
        RoleFamily.CARE,
        *_READ_RECORD,
        "documents.view",
        "documents.write",
        "documents.import",
        "documents.received",
        "dmp.consult",
        "mssante.directory",
        "sending.list",
    ),
    RoleCode.ETUDIANT: _role(RoleFamily.CARE, *_READ_RECORD, "documents.view", "documents.write"),
    RoleCode.SECRETAIRE: _role(
        RoleFamily.CARE,
        *_READ_RECORD,
        "consent.record",
        "documents.view",
        "documents.write",
        "documents.import",
        "documents.received",
        "mssante.directory",
        "mssante.review",
        "mssante.read",
        "sending.list",
        "sending.hold",
        "sending.add",
    ),
    RoleCode.SOCIAL: _role(RoleFamily.CARE, *_READ_RECORD),
    RoleCode.ADMISSION: _role(
        RoleFamily.ADMISSION,
        "patients.search",
        "patients.unit_list",
        "patients.identity_view",
        "patients.ins_view",
        "patients.identity_write",
        "patients.identity_qualify",
        "consent.view",
        "consent.record",
    ),
    RoleCode.ADMIN_TECHNIQUE: _role(
        RoleFamily.ADMIN_TECHNIQUE,
        "accounts.support_screens",
        "establishment.settings",
        "exchange.journal",
        "exchange.replay",
        "mssante.review",
        "pfi.jobs",
    ),
    RoleCode.ADMIN_FONCTIONNEL: _role(
        RoleFamily.ADMIN_FONCTIONNEL,
        "accounts.manage",
        "accounts.habilitation",
        "accounts.review_export",
    ),
    RoleCode.IDENTITOVIGILANCE: _role(
        RoleFamily.IDENTITE,
        "patients.search",
        "patients.identity_view",
        "patients.ins_view",
        "patients.identity_write",
        "patients.identity_qualify",
        "patients.merge",
        "exchange.journal",
        "stats.view",
    ),
    RoleCode.AUDITEUR: _role(
        RoleFamily.AUDIT,
        "audit.read",
        "audit.export",
        "patients.trace",
        "dmp.trace_export",
        "mssante.trace_export",
    ),
    RoleCode.PILOTAGE: _role(RoleFamily.PILOTAGE, "stats.view", "stats.export"),
    RoleCode.SERVICE: _role(RoleFamily.SERVICE),
}


def refreshed(current: frozenset[str], offered: frozenset[str], default: frozenset[str]) -> frozenset[str]:
    """Permissions of a role after an installation or an upgrade.

    What the hospital removed stays removed, what it added stays; only permissions never offered
    before come in, and names that no longer exist go.
    """
    return (current | (default - offered)) & frozenset(PERMISSIONS)
