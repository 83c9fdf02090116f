"""One sample of every kind of document the product produces, of fictitious persons (cda 13.6).

Snapshots only, made without database: what `manage.py cda_samples` writes for the national tools.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from documents.cda import ENCOUNTER_CODES
from documents.snapshot import PROFESSION_LABELS, SNAPSHOT_FORMAT
from documents.writing import LDL_SES, WRITING_MODELS, SectionKind, WritingModel, empty_body
from interop.ins.codes import INS_NIR_TEST_OID, IdentityStatus
from interop.ins.key import Ins, format_matricule

# Under 2.25 (UUID), which belongs to nobody: samples are never registered anywhere.
OID_ROOT = "2.25.329800735698586629295641978511506172918"
MATRICULE = "279035121518989"
STATUS_LABELS = {
    IdentityStatus.PROVISIONAL: "Identité provisoire",
    IdentityStatus.RECOVERED: "Identité récupérée",
    IdentityStatus.VALIDATED: "Identité validée",
    IdentityStatus.QUALIFIED: "Identité qualifiée",
}
LONG_TEXT = "Suites opératoires simples, apyrexie, reprise du transit ≥ J2 ; CRP ≤ 5 mg/L.\n" * 150
RARE_TEXT = "Σ α β γ µ ≥ ≤ ± → € « œuvre » — l’été, naïveté, Ÿ Œ ; 😀 devient ?"


@dataclass(frozen=True, slots=True)
class Sample:
    """`name` is that of the files, without extension."""

    name: str
    snapshot: dict[str, Any]


def samples() -> Iterator[Sample]:
    """Every model, in every way its CDA or its paper may differ."""
    for model in WRITING_MODELS.values():
        yield Sample(model.code, _snapshot(model))
        yield from _of_identity(model)
        yield from _of_version(model)
        yield from _of_content(model)
        yield from _of_author(model)
        yield from _of_stay(model)


def _of_identity(model: WritingModel) -> Iterator[Sample]:
    for status in (IdentityStatus.VALIDATED, IdentityStatus.RECOVERED, IdentityStatus.PROVISIONAL):
        yield Sample(
            f"{model.code}-identite-{status.lower()}", _snapshot(model, patient=_unqualified(status))
        )
    named = {
        "used_name": "DESTROISIERES",
        "used_given_name": "Domino",
        "birth_place_label": "Clermont-Ferrand",
    }
    housed = {"street": "12 bis rue des Lilas", "postal_code": "99100", "city": "TROIS-RIVIERES"}
    yield Sample(
        f"{model.code}-traits-complementaires",
        _snapshot(model, patient=named | housed | {"phone": "06 99 00 00 12"}),
    )


def _of_version(model: WritingModel) -> Iterator[Sample]:
    for number in (2, 3):
        replaced = f"{OID_ROOT}.1.{40 + number}"
        document = {"number": number, "replaces": replaced, "unique_id": f"{OID_ROOT}.1.{41 + number}"}
        yield Sample(f"{model.code}-version-{number}", _snapshot(model, document=document))
        yield Sample(
            f"{model.code}-version-{number}-identite-vali",
            _snapshot(model, document=document, patient=_unqualified(IdentityStatus.VALIDATED)),
        )


def _of_content(model: WritingModel) -> Iterator[Sample]:
    texts = [section.key for section in model.sections if section.kind is SectionKind.TEXT]
    tables = [section.key for section in model.sections if section.kind is SectionKind.TREATMENTS]
    yield Sample(f"{model.code}-minimale", _snapshot(model, body=_body(model, is_full=False)))
    yield Sample(
        f"{model.code}-sans-traitement",
        _snapshot(model, body=_body(model) | {key: {"none": True, "rows": []} for key in tables}),
    )
    yield Sample(
        f"{model.code}-longue", _snapshot(model, body=_body(model) | dict.fromkeys(texts[:3], LONG_TEXT))
    )
    yield Sample(
        f"{model.code}-caracteres-rares",
        _snapshot(model, body=_body(model) | dict.fromkeys(texts, RARE_TEXT)),
    )
    for section in model.sections:
        for option in section.options:
            yield Sample(
                f"{model.code}-{section.key}-{option.value}".replace("_", "-"),
                _snapshot(model, body=_body(model) | {section.key: option.value}),
            )


def _of_author(model: WritingModel) -> Iterator[Sample]:
    for profession, label in PROFESSION_LABELS.items():
        author = {"profession": profession, "specialty": "", "title": "", "profession_label": label}
        yield Sample(f"{model.code}-auteur-{profession}", _snapshot(model, author=author))


def _of_stay(model: WritingModel) -> Iterator[Sample]:
    for kind in ENCOUNTER_CODES:
        yield Sample(f"{model.code}-venue-{kind.lower()}", _snapshot(model, episode={"kind": kind}))
    current = {"discharged_at": "", "discharged_text": ""}
    yield Sample(f"{model.code}-sejour-en-cours", _snapshot(model, episode=current))
    bare = {"street": "", "postal_code": "", "city": "", "phone": ""}
    yield Sample(f"{model.code}-site-sans-adresse", _snapshot(model, site=bare))


def _body(model: WritingModel, *, is_full: bool = True) -> dict[str, Any]:
    """Answers for every section, or for the required ones alone."""
    body = empty_body(model)
    for section in model.sections:
        if not (is_full or section.is_required):
            continue
        match section.kind:
            case SectionKind.CHOICE:
                body[section.key] = section.options[0 if is_full else -1].value
            case SectionKind.TREATMENTS:
                body[section.key] = {"none": False, "rows": copy.deepcopy(_TREATMENTS)}
            case SectionKind.TEXT:
                body[section.key] = f"{section.title} : texte de l’échantillon, sur\ndeux lignes."
    return body


def _unqualified(status: IdentityStatus) -> dict[str, str]:
    return {
        "identity_status": status.value,
        "identity_status_label": STATUS_LABELS[status],
        "ins": "",
        "ins_oid": "",
        "ins_text": "",
    }


def _snapshot(model: WritingModel, **changes: dict[str, Any]) -> dict[str, Any]:
    snapshot = copy.deepcopy(_BASE)
    snapshot["document"] |= {
        "type_code": model.type_code,
        "type_label": model.type_label,
        "model": model.code,
        "title": model.title,
    }
    snapshot["body"] = _body(model)
    for part, values in changes.items():
        snapshot[part] |= values
    return snapshot


_TREATMENTS = [
    {"name": "Paracétamol 1 g", "dosage": "1 cp × 3 par jour, 5 jours", "status": "nouveau"},
    {"name": "Ésoméprazole 20 mg", "dosage": "1 cp le soir", "status": "poursuivi"},
    {"name": "Ramipril 5 mg", "dosage": "1 cp le matin au lieu de 2", "status": "modifie"},
    {"name": "Kétoprofène 100 mg", "dosage": "", "status": "arrete"},
]

_BASE: dict[str, Any] = {
    "format": SNAPSHOT_FORMAT,
    "document": {
        "unique_id": f"{OID_ROOT}.1.41",
        "set_id": f"{OID_ROOT}.2.42",
        "number": 1,
        "replaces": "",
        "type_code": LDL_SES.type_code,
        "type_label": LDL_SES.type_label,
        "model": LDL_SES.code,
        "title": LDL_SES.title,
        "at": "2026-03-08T14:32:00+01:00",
        "date_text": "08/03/2026",
    },
    "patient": {
        "uid": "00000000-0000-4000-8000-000000000003",
        "stamp": 1,
        "birth_name": "PAT-TROIS",
        "birth_given_names": "DOMINIQUE",
        "first_birth_given_name": "DOMINIQUE",
        "used_name": "",
        "used_given_name": "",
        "birth_date": "1979-03-28",
        "birth_date_text": "28/03/1979",
        "is_birth_date_estimated": False,
        "sex": "F",
        "sex_label": "Féminin",
        "birth_place_cog": "63220",
        "birth_place_label": "",
        "street": "",
        "postal_code": "",
        "city": "",
        "phone": "",
        "identity_status": IdentityStatus.QUALIFIED.value,
        "identity_status_label": STATUS_LABELS[IdentityStatus.QUALIFIED],
        "ipp": "000003",
        "ipp_oid": f"{OID_ROOT}.8.1",
        "ins": MATRICULE,
        "ins_oid": INS_NIR_TEST_OID,
        "ins_text": format_matricule(Ins(MATRICULE, INS_NIR_TEST_OID)),
    },
    "author": {
        "uid": "00000000-0000-4000-8000-000000000001",
        "display_name": "Dr HODA Alice",
        "family_name": "HODA",
        "given_name": "Alice",
        "title": "Dr",
        "rpps": "99700900014",
        "login": "ahoda",
        "profession": "10",
        "specialty": "SM26",
        "profession_label": PROFESSION_LABELS["10"],
    },
    "episode": {
        "visit_number": "000897406",
        "visit_authority": "ECHANTILLON",
        "account_number": "D000897406",
        "kind": "I",
        "admitted_at": "2026-03-06T11:00:00+01:00",
        "discharged_at": "2026-03-08T14:00:00+01:00",
        "admitted_text": "06/03/2026",
        "discharged_text": "08/03/2026",
    },
    "unit": {"code": "6268", "name": "CHIR V", "practice_setting": "ETABLISSEMENT"},
    "site": {
        "name": "HOPITAL DES TROIS RIVIERES",
        "finess": "990000101",
        "sector": "SA01",
        "sector_label": "Établissement public de santé",
        "street": "1 avenue de la Confluence",
        "postal_code": "99100",
        "city": "TROIS-RIVIERES",
        "phone": "01 99 00 00 01",
    },
    "legal_entity": {
        "name": "CENTRE HOSPITALIER DES TROIS RIVIERES",
        "finess": "990000010",
        "visit_oid": f"{OID_ROOT}.8.2",
    },
    "body": {},
}
