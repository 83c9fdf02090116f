"""A hospital's past: patients, stays, documents and orders by COPY, as many as a city hospital has.

Rows are written straight into the tables, with the columns that the services would have filled; search
keys and matricules are computed by the product's own functions.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import psycopg
from django.db import connection
from django.db.models import Field, Model
from django.utils import timezone
from psycopg.types.json import Jsonb

from accounts.models import User
from consent.models import Choice
from documents.enums import Origin, Structure, VersionState
from documents.models import Document, Version
from establishment.models import Unit
from patients.enums import AlertState, EpisodeState, IdentifierKind
from patients.models import Alert, Episode, Identifier, Patient
from patients.rules import search_keys
from sending.enums import Channel, OrderAction, OrderOrigin, OrderState
from sending.models import Order, OrderEvent
from tests.bench.people import Person, person

NOW = timezone.now()
_OID = "1.2.250.1.999.1.9900010"
_IPP_OID = f"{_OID}.8.1"
_BODY = json.dumps({"synthese": "Suites simples. " * 40})
_SNAPSHOT = json.dumps({"body": {"synthese": "Suites simples. " * 40}})
# Of a hundred identities: qualified, validated, recovered; the rest is provisional.
_QUALIFIED, _VALIDATED, _RECOVERED = 60, 80, 90


def copy_rows(model: type[Model], rows: Iterable[dict[str, Any]]) -> None:
    """COPY rows given by attribute names (`patient_id`); a column not given has the default of its field."""
    fields = [
        field
        for field in model._meta.concrete_fields
        if not (field.primary_key or field.generated or field.has_db_default())
    ]
    same = {
        field.attname: field.get_db_prep_save(field.get_default(), connection)
        for field in fields
        if not callable(field.default)
    }
    columns = ", ".join(field.column for field in fields)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            values = same | row
            copy.write_row(
                [values[field.attname] if field.attname in values else _made(field) for field in fields]
            )


def _made(field: Field[Any, Any]) -> Any:
    """A default that differs from row to row, as COPY writes it."""
    value = field.get_default()
    return Jsonb(value) if isinstance(value, dict) else value


def load_patients(count: int) -> dict[int, int]:
    """Patients with their IPP, and their matricule when they have one; gives row ids by person number."""
    people = [person(number) for number in range(count)]
    copy_rows(Patient, map(_patient, people))
    ids = dict(Patient.objects.values_list("phone", "id"))
    by_number = {one.number: ids[_mark(one)] for one in people}
    copy_rows(Identifier, _identifiers(people, by_number))
    copy_rows(
        Alert,
        (
            {
                "patient_id": by_number[one.number],
                "kind": "allergy",
                "state": AlertState.KNOWN,
                "label": "Latex",
            }
            for one in people
            if one.number % 5 == 0
        ),
    )
    return by_number


def load_stays(patients: dict[int, int], units: Sequence[Unit], *, present: int) -> None:
    """One closed stay for each patient in the past two years, and `present` open ones in each unit."""
    copy_rows(Episode, _stays(patients, units, present))
    open_stays = Episode.objects.filter(state=EpisodeState.OPEN).values_list("id", flat=True)
    copy_rows(
        Choice,
        (
            {
                "episode_id": stay, "subject": subject, "value": "not_opposed", "source": "pam",
                "collected_at": NOW, "author_login": "hl7.gam",
            }
            for stay in open_stays
            for subject in ("alimentation", "consultation")
        ),
    )  # fmt: skip


def load_documents(patients: Sequence[tuple[int, int, int]], author: User) -> None:
    """A validated letter, received by the DMP, for each (patient, stay, unit) of the sequence."""
    offset = Document.objects.count()
    numbered = [(offset + place, *stay) for place, stay in enumerate(patients)]
    copy_rows(Document, (_document(*stay) for stay in numbered))
    documents = _ids_by(Document, "set_id")
    copy_rows(Version, (_version(number, documents, author) for number, *_ in numbered))
    versions = _ids_by(Version, "unique_id")
    copy_rows(Order, (_order(number, versions) for number, *_ in numbered))
    orders = _ids_by(Order, "lineage")
    copy_rows(OrderEvent, _order_events([orders[_set_id(number)] for number, *_ in numbered]))


def analyze(owner_address: str) -> None:
    """Statistics and visibility map, as autovacuum would have left them."""
    with psycopg.connect(owner_address, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")


def _mark(one: Person) -> str:
    """The number of a person, told by its telephone: COPY gives no ids back."""
    return f"01{one.number:08d}"


def _patient(one: Person) -> dict[str, Any]:
    keys = search_keys(
        birth_name=one.birth_name,
        used_name=one.used_name,
        given_names=one.given_names,
        first_given_name=one.first_given_name,
        used_given_name="",
    )
    share = one.number % 100
    return {
        "uid": uuid.uuid4(),
        "birth_name": one.birth_name,
        "birth_given_names": one.given_names,
        "first_birth_given_name": one.first_given_name,
        "used_name": one.used_name,
        "birth_date": one.birth_date,
        "sex": one.sex,
        "birth_place_cog": one.cog,
        "city": "TROIS-RIVIERES",
        "postal_code": "99100",
        "phone": _mark(one),
        "is_ins_recovered": is_qualified(one.number) or _VALIDATED <= share < _RECOVERED,
        "is_identity_controlled": share < _VALIDATED,
        "identity_attributes": [],
        "identity_updated_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        "search_birth_name": keys.birth_name,
        "search_used_name": keys.used_name,
        "search_given_names": keys.given_names,
        "search_full_name": keys.full_name,
        "search_phonetic": keys.phonetic,
        "search_used_phonetic": keys.used_phonetic,
    }


def _identifiers(people: Sequence[Person], ids: dict[int, int]) -> Iterator[dict[str, Any]]:
    for one in people:
        shared = {"patient_id": ids[one.number], "is_active": True, "created_at": NOW}
        yield shared | {
            "kind": IdentifierKind.IPP, "value": one.ipp, "oid": _IPP_OID, "namespace": "CHTR",
            "type_code": "PI",
        }  # fmt: skip
        share = one.number % 100
        if is_qualified(one.number) or _VALIDATED <= share < _RECOVERED:
            ins = one.ins
            yield shared | {
                "kind": IdentifierKind.INS, "value": ins.matricule, "oid": ins.oid, "type_code": "INS",
            }  # fmt: skip


def _stays(patients: dict[int, int], units: Sequence[Unit], present: int) -> Iterator[dict[str, Any]]:
    for number, patient in patients.items():
        unit = units[number % len(units)]
        admitted = NOW - timedelta(hours=12 * (number % 1400) + 800)
        shared = {
            "patient_id": patient, "kind": "I", "unit_id": unit.pk, "nursing_unit_id": unit.pk,
            "visit_authority": "CHTR",
        }  # fmt: skip
        yield shared | {
            "uid": uuid.uuid4(), "visit_number": f"P{number}", "state": EpisodeState.CLOSED,
            "admitted_at": admitted, "discharged_at": admitted + timedelta(days=3),
        }  # fmt: skip
        if number < present * len(units):
            yield shared | {
                "uid": uuid.uuid4(), "visit_number": f"C{number}", "state": EpisodeState.OPEN,
                "admitted_at": NOW - timedelta(days=number % 6), "room": f"{number // len(units) + 101}",
                "bed": "1",
            }  # fmt: skip


def is_qualified(number: int) -> bool:
    """Whether the person of this number has a qualified identity."""
    return number % 100 < _QUALIFIED


# Branches of their own: what the services allocate meanwhile cannot meet them.
def _set_id(number: int) -> str:
    return f"{_OID}.92.{number}"


def _unique_id(number: int) -> str:
    return f"{_OID}.91.{number}"


def _document(number: int, patient: int, stay: int, unit: int) -> dict[str, Any]:
    return {
        "uid": uuid.uuid4(), "patient_id": patient, "episode_id": stay, "unit_id": unit,
        "model": "ldl-ses", "type_code": "11490-0", "title": "Lettre de liaison de sortie",
        "set_id": _set_id(number), "origins": [Origin.PRODUCED.value], "created_at": NOW,
    }  # fmt: skip


def _version(number: int, documents: dict[str, int], author: User) -> dict[str, Any]:
    written_at = NOW - timedelta(minutes=number)
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return {
        "uid": uuid.uuid4(), "document_id": documents[_set_id(number)], "state": VersionState.CURRENT,
        "author_id": author.pk, "author_label": author.display_name, "act_at": written_at,
        "validated_at": written_at, "validated_by_id": author.pk, "edited_at": written_at,
        "unique_id": _unique_id(number), "structure": Structure.N1, "identity_stamp": 1, "has_ins": True,
        "cda_sha256": digest, "cda_size": 45_000, "pdf_sha256": digest, "pdf_size": 30_000,
        "body": _BODY,
        "snapshot": _SNAPSHOT,
    }  # fmt: skip


def _order(number: int, versions: dict[str, int]) -> dict[str, Any]:
    unique_id = _unique_id(number)
    return {
        "uid": uuid.uuid4(), "version_id": versions[unique_id], "channel": Channel.DMP,
        "action": OrderAction.INITIAL, "origin": OrderOrigin.FLUX, "state": OrderState.RECEIVED_DMP,
        "lineage": _set_id(number), "idempotency_key": f"{unique_id}|dmp|initial|", "not_before": NOW,
        "created_at": NOW, "changed_at": NOW,
    }  # fmt: skip


def _order_events(orders: Sequence[int]) -> Iterator[dict[str, Any]]:
    path = ("", OrderState.SCHEDULED, OrderState.SENDING, OrderState.HANDED_OVER, OrderState.RECEIVED_DMP)
    for order in orders:
        for before, after in zip(path, path[1:], strict=False):
            yield {
                "order_id": order, "at": NOW, "kind": "moved", "from_state": before, "to_state": after,
                "actor_login": "sending.rules",
            }  # fmt: skip


def _ids_by(model: type[Model], column: str) -> dict[str, int]:
    return dict(model._default_manager.values_list(column, "id"))
