"""The frozen content of a version: everything its PDF and its CDA say, in one JSON value.

SC.CDA/DD.02: the renderings of one act come from one snapshot, so they cannot disagree. The
snapshot holds the INS only when the identity is qualified at that moment (ins 7.4).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.models import User
from documents.models import Version
from documents.writing import WRITING_MODELS, WritingModel
from establishment.selectors import legal_entity
from interop.ins.key import Ins, format_matricule
from patients.enums import IdentifierKind, IdentityStatus, Sex
from patients.models import Episode, Identifier, Patient

SNAPSHOT_FORMAT = 1


def snapshot_build(
    *, version: Version, author: User, act_at: datetime, unique_id: str, set_id: str, replaces: str
) -> dict[str, Any]:
    """Freeze `version` as it stands, with the identity of this moment.

    `unique_id`, `set_id` and `replaces` (id of the replaced version, or empty) are OIDs. Times are
    ISO 8601 with their local offset, dates ISO.
    """
    document = version.document
    return {
        "format": SNAPSHOT_FORMAT,
        "document": {
            "unique_id": unique_id,
            "set_id": set_id,
            "number": version.number,
            "replaces": replaces,
            "type_code": document.type_code,
            "type_label": _model(version).type_label,
            "model": document.model,
            "title": document.title,
            "at": _local(act_at).isoformat(timespec="seconds"),
            "date_text": _local(act_at).strftime("%d/%m/%Y"),
        },
        "patient": patient_content(document.patient),
        "author": author_content(author),
        "episode": _episode_content(document.episode),
        "unit": _unit_content(version),
        "site": _site_content(version),
        "legal_entity": _legal_entity_content(),
        "body": version.body,
    }


def patient_content(patient: Patient) -> dict[str, Any]:
    """Identity for documents: traits, IPP, and matricule with OID only when qualified."""
    active = list(Identifier.objects.filter(patient=patient, is_active=True))
    ipp = next((row for row in active if row.kind == IdentifierKind.IPP), None)
    ins = next((row for row in active if row.kind == IdentifierKind.INS), None)
    shows_ins = patient.is_qualified and ins is not None
    return {
        "uid": str(patient.uid),
        "stamp": patient.identity_stamp,
        "birth_name": patient.birth_name,
        "birth_given_names": patient.birth_given_names,
        "first_birth_given_name": patient.first_birth_given_name,
        "used_name": patient.used_name,
        "used_given_name": patient.used_given_name,
        "birth_date": patient.birth_date.isoformat() if patient.birth_date else "",
        "birth_date_text": _date_text(patient.birth_date),
        "is_birth_date_estimated": patient.is_birth_date_estimated,
        "sex": patient.sex,
        "sex_label": Sex(patient.sex).label,
        "birth_place_cog": patient.birth_place_cog,
        "birth_place_label": patient.birth_place_label,
        "street": patient.street,
        "postal_code": patient.postal_code,
        "city": patient.city,
        "phone": patient.phone,
        "identity_status": patient.identity_status,
        "identity_status_label": IdentityStatus(patient.identity_status).label,
        "ipp": ipp.value if ipp else "",
        "ipp_oid": (ipp.oid if ipp else "") or legal_entity().ipp_oid,
        "ins": ins.value if shows_ins and ins else "",
        "ins_oid": ins.oid if shows_ins and ins else "",
        "ins_text": format_matricule(Ins(ins.value, ins.oid)) if shows_ins and ins else "",
    }


def author_content(author: User) -> dict[str, Any]:
    """The professional who writes and validates, as CDA and paper name him.

    In the activity of the session, which the document keeps as its provenance (psc 20).
    """
    acting = author.acting
    names = (author.title, acting.family_name, acting.given_name)
    content: dict[str, Any] = {
        "uid": str(author.uid),
        "display_name": " ".join(part for part in names if part),
        "family_name": acting.family_name,
        "given_name": acting.given_name,
        "title": author.title,
        "rpps": author.rpps,
        "login": author.login,
        "profession": acting.profession,
        "specialty": acting.specialty,
        "profession_label": PROFESSION_LABELS.get(acting.profession, ""),
    }
    return content | ({"activity": author.activity.as_detail()} if author.activity else {})


# TRE_G15: the professions that may write a document (spec psc 17).
PROFESSION_LABELS = {
    "10": "Médecin",
    "21": "Pharmacien",
    "40": "Chirurgien-dentiste",
    "50": "Sage-femme",
    "60": "Infirmier",
}


def _model(version: Version) -> WritingModel:
    return WRITING_MODELS[version.document.model]


def _episode_content(episode: Episode | None) -> dict[str, Any]:
    if episode is None:
        return {
            "visit_number": "",
            "kind": "",
            "admitted_at": "",
            "discharged_at": "",
            "admitted_text": "",
            "discharged_text": "",
        }
    return {
        "visit_number": episode.visit_number,
        "visit_authority": episode.visit_authority,
        "account_number": episode.account_number,
        "kind": episode.kind,
        "admitted_at": _iso(episode.admitted_at),
        "discharged_at": _iso(episode.discharged_at),
        "admitted_text": _date_text(episode.admitted_at),
        "discharged_text": _date_text(episode.discharged_at),
    }


def _unit_content(version: Version) -> dict[str, Any]:
    unit = version.document.unit
    if unit is None:
        return {"code": "", "name": "", "practice_setting": "ETABLISSEMENT"}
    return {"code": unit.code, "name": unit.name, "practice_setting": unit.practice_setting}


def _site_content(version: Version) -> dict[str, Any]:
    unit = version.document.unit
    site = unit.site if unit else legal_entity().sites.order_by("id").first()
    if site is None:
        return {}
    return {
        "name": site.name,
        "finess": site.finess,
        "sector": site.sector,
        "sector_label": site.get_sector_display(),
        "street": site.street,
        "postal_code": site.postal_code,
        "city": site.city,
        "phone": site.phone,
    }


def _legal_entity_content() -> dict[str, Any]:
    entity = legal_entity()
    return {"name": entity.name, "finess": entity.finess, "visit_oid": entity.visit_oid}


def _local(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(settings.TIME_ZONE))


def _iso(moment: datetime | None) -> str:
    return _local(moment).isoformat(timespec="seconds") if moment else ""


def _date_text(moment: date | datetime | None) -> str:
    if moment is None:
        return ""
    return (_local(moment) if isinstance(moment, datetime) else moment).strftime("%d/%m/%Y")
