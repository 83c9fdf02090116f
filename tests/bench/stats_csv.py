"""`stats_csv`: the CSV of two years, as « Exporter CSV » gives it, over one million events of orders.

A hospital of two sites and forty units: what a service writes is written once, then copied by the database
with other patients, dates and sites. Past months are closed, as the periodic task leaves them.
`stats_csv_open` is the same extraction before any month was closed, once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
from django.db.models import F
from django.utils import timezone

from audit.enums import Action
from audit.models import Trace
from consent.enums import Subject
from documents.models import Reception, Version
from establishment.models import Site, Unit
from interop.vihf.codes import FINESS_PREFIX
from patients.enums import EpisodeKind, EpisodeState
from patients.models import Episode, Patient
from sending.enums import Channel, OrderAction, OrderState
from sending.models import Order, OrderEvent
from stats.models import MonthlyFigure
from stats.selectors.exporting import Wanted, csv_lines
from stats.selectors.tally import reading_at
from stats.services import months_close
from tests.bench.figures import Figure, rss_mb, timed
from tests.bench.hospital import build_hospital
from tests.bench.multiplying import multiply
from tests.bench.population import analyze
from tests.factories import (
    AssignmentFactory,
    ChoiceFactory,
    DocumentFactory,
    EpisodeFactory,
    MovementFactory,
    PatientFactory,
    UserFactory,
    ValidatedVersionFactory,
)

EVENTS = 1_000_000
PATIENTS = 60_000
STAYS = 90_000
CONSULTATIONS = 40_000
DOCUMENTS = 150_000
UNITS = 40
USERS = 400
CONSULTED = 80_000
RECEPTIONS = 30_000
TIMES = 5
DAYS = 700
TYPES = ("11490-0", "34874-8", "57833-6", "11488-4", "11502-2", "18748-4")


def measure() -> Iterator[Figure | str]:
    """Load, extract once with every month open, close them, then extract again and again."""
    _load()
    if (count := OrderEvent.objects.count()) < EVENTS:
        yield f"stats_csv: {count} events instead of {EVENTS}"
    now = timezone.now()
    yield timed("stats_csv_open", [_extract()], rss_mb=rss_mb())
    months_close(now=now)
    if not MonthlyFigure.objects.filter(value__gt=0).exists():
        yield "stats_csv: nothing was counted"
    seconds = [_extract() for _ in range(TIMES)]
    yield timed("stats_csv", seconds, rss_mb=rss_mb())


def _extract() -> float:
    now = timezone.now()
    started = time.perf_counter()
    size = sum(len(line) for line in csv_lines(Wanted(reading_at(now).period), now))
    seconds = time.perf_counter() - started
    if size < 1_000_000:
        raise ValueError(f"the file has {size} characters")
    return seconds


def _load() -> None:
    unit = build_hospital()
    unit.is_surgical = True
    unit.save()
    other = Site.objects.create(legal_entity=unit.site.legal_entity, name="SAINT-ROCH", finess="990000200")
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        multiply(
            owner,
            unit,
            f"generate_series(1, {UNITS - 1}) AS n",
            code="'B' || n",
            is_surgical="n % 5 = 0",
            site_id=f"CASE WHEN n % 3 = 0 THEN {other.pk} ELSE {unit.site_id} END",
        )
        _people(owner, unit)
        _stays(owner, unit)
        _documents(owner)
        _orders(owner)
        _consulted(owner)
    analyze(os.environ["DATABASE_OWNER_URL"])


def _people(owner: psycopg.Connection, unit: Unit) -> None:
    patient = PatientFactory(is_ins_recovered=True, is_identity_controlled=True)
    multiply(owner, patient, f"generate_series(2, {PATIENTS}) AS n", is_identity_controlled="n % 10 < 8")
    user = UserFactory()
    multiply(
        owner,
        user,
        f"generate_series(2, {USERS}) AS n",
        login="'u' || n",
        rpps="lpad(n::text, 11, '9')",
        profession="(ARRAY['10', '60', '50', '21'])[1 + n % 4]",
        created_at="now() - interval '3 years'",
    )
    held = AssignmentFactory(user=user, unit=unit)
    multiply(
        owner,
        held,
        "accounts_user AS someone",
        where=f"someone.id > {user.pk}",
        user_id="someone.id",
        unit_id=f"{unit.pk} + someone.id % {UNITS}",
        since="now() - interval '3 years'",
    )


def _stays(owner: psycopg.Connection, unit: Unit) -> None:
    first = Patient.objects.earliest("id")
    stay = EpisodeFactory(patient=first, unit=unit, state=EpisodeState.CLOSED)
    Episode.objects.filter(pk=stay.pk).update(discharged_at=F("admitted_at") + timedelta(days=2))
    patient_id = f"{first.pk} + n % {PATIENTS}"
    left = f"now() - n * interval '{DAYS} days' / {STAYS}"
    multiply(
        owner,
        stay,
        f"generate_series(1, {STAYS}) AS n",
        visit_number="'S' || n",
        patient_id=patient_id,
        unit_id=f"{unit.pk} + n % {UNITS}",
        admitted_at=f"{left} - interval '4 days'",
        discharged_at=left,
    )
    visit = f"now() - n * interval '{DAYS} days' / {CONSULTATIONS}"
    multiply(
        owner,
        stay,
        f"generate_series(1, {CONSULTATIONS}) AS n",
        visit_number="'C' || n",
        kind=f"'{EpisodeKind.OUTPATIENT}'",
        patient_id=patient_id,
        unit_id=f"{unit.pk} + n % {UNITS}",
        admitted_at=visit,
        discharged_at=visit,
    )
    moved = MovementFactory(episode=stay)
    multiply(
        owner,
        moved,
        "patients_episode AS stay JOIN establishment_unit AS unit ON unit.id = stay.unit_id",
        where=f"stay.id > {stay.pk}",
        episode_id="stay.id",
        medical_unit_code="unit.code",
        start_at="stay.admitted_at",
    )
    for subject in (Subject.ALIMENTATION, Subject.CONSULTATION):
        choice = ChoiceFactory(episode=stay, subject=subject)
        multiply(
            owner,
            choice,
            "patients_episode AS stay",
            where=f"stay.id > {stay.pk} AND stay.id % 8 > 0",
            episode_id="stay.id",
            collected_at="stay.admitted_at",
            value="CASE WHEN stay.id % 30 = 0 THEN 'opposed' ELSE 'not_opposed' END",
        )


def _documents(owner: psycopg.Connection) -> None:
    first = Episode.objects.earliest("id")
    document = DocumentFactory(patient=first.patient, episode=first, set_id="1.2.250.1.999.1.9900010.93.0")
    types = ", ".join(f"'{code}'" for code in TYPES)
    multiply(
        owner,
        document,
        f"generate_series(1, {DOCUMENTS}) AS n"
        f" JOIN patients_episode AS stay ON stay.id = {first.pk} + 1 + n % {STAYS + CONSULTATIONS}",
        set_id="'1.2.250.1.999.1.9900010.93.' || n",
        patient_id="stay.patient_id",
        episode_id="stay.id",
        unit_id="stay.unit_id",
        type_code=f"(ARRAY[{types}])[1 + n % {len(TYPES)}]",
        created_at="stay.discharged_at",
    )
    version = ValidatedVersionFactory(
        document=document,
        body={"synthese": "Suites simples. " * 40},
        snapshot={"body": {"synthese": "Suites simples. " * 40}},
    )
    multiply(
        owner,
        version,
        "documents_document AS document",
        where=f"document.id > {document.pk}",
        document_id="document.id",
        unique_id="'1.2.250.1.999.1.9900010.94.' || document.id",
        act_at="document.created_at",
        validated_at="document.created_at",
    )


def _orders(owner: psycopg.Connection) -> None:
    version = Version.objects.earliest("id")
    for channel, share in ((Channel.DMP, 1), (Channel.MSSANTE_PRO, 2), (Channel.MSSANTE_PATIENT, 6)):
        order = Order.objects.create(
            version=version,
            channel=channel,
            action=OrderAction.INITIAL,
            state=OrderState.RECEIVED_DMP,
            lineage=version.document.set_id,
            idempotency_key=f"first-{channel}",
            recipient_address="premier@medecin.mssante.fr",
            has_ins=True,
        )
        multiply(
            owner,
            order,
            "documents_version AS version"
            " JOIN documents_document AS document ON document.id = version.document_id"
            " JOIN establishment_unit AS unit ON unit.id = document.unit_id"
            " JOIN establishment_site AS site ON site.id = unit.site_id",
            where=f"version.id > {version.pk} AND version.id % {share} = 0",
            version_id="version.id",
            lineage="document.set_id",
            finess="site.finess",
            idempotency_key=f"version.unique_id || '{channel}'",
            recipient_address="'dr' || version.id % 900 || '@medecin.mssante.fr'",
            created_at="version.validated_at",
        )
        arrived = OrderState.RECEIVED_DMP if channel == Channel.DMP else OrderState.DELIVERED
        path = ("", OrderState.SCHEDULED, OrderState.SENDING, OrderState.HANDED_OVER)
        for place, (before, after) in enumerate(zip(path, (*path[1:], arrived), strict=True)):
            event = OrderEvent.objects.create(
                order=order, kind="moved", from_state=before, to_state=after, actor_login="bench"
            )
            last = f"CASE WHEN orders.id % 33 = 0 THEN 'failed' ELSE '{arrived}' END"
            at = f"orders.created_at + interval '{place + 1} hours'"
            multiply(
                owner,
                event,
                "sending_order AS orders",
                where=f"orders.id > {order.pk} AND orders.channel = '{channel}'",
                order_id="orders.id",
                at=at,
                recorded_at=at,
                to_state=last if after == arrived else f"'{after}'",
            )


def _consulted(owner: psycopg.Connection) -> None:
    trace = Trace.objects.create(type="dmp.search", action=Action.READ, actor_login="bench")
    at = f"now() - n * interval '{DAYS} days' / {CONSULTED}"
    users = f"accounts_user AS someone ON someone.id = 1 + n % {USERS}"
    for kind, object_type in (("search", "dmp.consultation"), ("view", "dmp.document")):
        multiply(
            owner,
            trace,
            f"generate_series(1, {CONSULTED // 2}) AS n JOIN {users}",
            type=f"'dmp.{kind}'",
            object_type=f"'{object_type}'",
            time=at.replace(f"/ {CONSULTED}", f"/ {CONSULTED // 2}"),
            actor_uid="someone.uid",
            patient_uid="gen_random_uuid()",
            detail=(
                "jsonb_build_object('profession', someone.profession, 'structure',"
                f" '{FINESS_PREFIX}' || (ARRAY['990000101', '990000200'])[1 + n % 2], 'unit', 'B1',"
                " 'unique_id', '1.2.' || n, 'type_code', '11502-2')"
            ),
        )
    filed = Reception.objects.create(
        origin="mssante", intake="automatic", request="initial", outcome="integrated"
    )
    multiply(
        owner,
        filed,
        f"generate_series(1, {RECEPTIONS}) AS n",
        set_id="'1.2.888.' || n",
        type_code="'11490-0'",
        cda_sha256="md5(n::text)",
        at=f"now() - n * interval '{DAYS} days' / {RECEPTIONS}",
        outcome="CASE WHEN n % 20 = 0 THEN 'refused_identity' ELSE 'integrated' END",
    )
    multiply(
        owner,
        filed,
        "documents_document AS document",
        where="document.id % 9 = 0",
        origin="'dmp'",
        intake="'manual'",
        set_id="document.set_id",
        document_id="document.id",
        type_code="document.type_code",
        at="document.created_at - interval '1 day'",
    )
