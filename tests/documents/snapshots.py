"""Snapshots for tests that need no database: one complete letter, changed by the test."""

from __future__ import annotations

import copy
from typing import Any

from documents.snapshot import SNAPSHOT_FORMAT
from documents.writing import LDL_SES, empty_body

BODY = empty_body(LDL_SES) | {
    "motif": "Cure programmée d’une hernie inguinale droite symptomatique.",
    "modalite_entree": "programmee",
    "synthese": "Intervention par voie cœlioscopique, sans incident.\nSuites simples, apyrexie.",
    "micro_organismes": "non",
    "transfusion": "non",
    "derives_sang": "non",
    "allergies": "Pénicilline (urticaire).",
    "modalite_sortie": "domicile",
    "suites": "Consultation de contrôle à un mois.",
    "traitements": {
        "none": False,
        "rows": [
            {"name": "Paracétamol 1 g", "dosage": "1 cp × 3 par jour, 5 jours", "status": "nouveau"},
            {"name": "Ésoméprazole 20 mg", "dosage": "1 cp le soir", "status": "poursuivi"},
        ],
    },
}

_SNAPSHOT: dict[str, Any] = {
    "format": SNAPSHOT_FORMAT,
    "document": {
        "unique_id": "1.2.250.1.999.1.9900010.1.41",
        "set_id": "1.2.250.1.999.1.9900010.2.42",
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
        "identity_status": "QUAL",
        "identity_status_label": "Identité qualifiée",
        "ipp": "000003",
        "ipp_oid": "1.2.250.1.999.1.9900010.8.1",
        "ins": "279035121518989",
        "ins_oid": "1.2.250.1.213.1.4.10",
        "ins_text": "2 79 03 51 215 189 89 (NIR)",
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
        "profession_label": "Médecin",
    },
    "episode": {
        "visit_number": "000897406",
        "visit_authority": "CHTR",
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
        "sector_label": "Etablissement public de santé",
        "street": "1 avenue de la Confluence",
        "postal_code": "99100",
        "city": "TROIS-RIVIERES",
        "phone": "01 99 00 00 01",
    },
    "legal_entity": {
        "name": "CENTRE HOSPITALIER DES TROIS RIVIERES",
        "finess": "990000010",
        "visit_oid": "1.2.250.1.999.1.9900010.8.2",
    },
    "body": BODY,
}


def letter(**changes: dict[str, Any]) -> dict[str, Any]:
    """A complete letter of a qualified identity; `letter(patient={"ins": ""})` changes one part."""
    snapshot = copy.deepcopy(_SNAPSHOT)
    for part, values in changes.items():
        snapshot[part] |= values
    return snapshot


def unqualified_letter() -> dict[str, Any]:
    """The same letter for an identity that is only validated: no INS anywhere."""
    return letter(
        patient={
            "identity_status": "VALI",
            "identity_status_label": "Identité validée",
            "ins": "",
            "ins_oid": "",
            "ins_text": "",
        }
    )
