"""`dmp_round_trip`: documents of 300 kB submitted to the DMP by the product's own gateway.

Each is one ITI-41: signed VIHF, signed lot, MTOM over mutual TLS, answer read, call recorded. The sandbox,
which verifies both signatures and keeps the document on disk, runs in another process on the same cores.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.db import connections

from documents.cda import cda_from_snapshot
from interop.cda.parse import parse_cda
from interop.vihf.claims import AuthenticationMode, profession_role, specialty_role
from interop.xds.from_cda import entry_from_cda
from interop.xds.iti41 import SubmittedDocument
from interop.xds.metadata import SubmissionSet
from interop.xds.nomenclature import content_type_of_patient_class
from interop.xds.times import dtm_from_instant
from national.dmp.opening import dmp_gateway
from national.dmp.ports import AccessContext, Submission
from national.enums import CallOutcome
from national.models import Call
from tests.bench.figures import Figure, rss_mb, timed
from tests.bench.hospital import build_hospital, plug_dmp, sandbox
from tests.bench.letters import reference_letter

DOCUMENT_BYTES = 300_000
SENDERS = 3
WARM_UP = 12
MEASURED = 240


def measure() -> Iterator[Figure | str]:
    """Several senders, as the worker processes of an installation."""
    build_hospital()
    contents = [_content(number) for number in range(WARM_UP + MEASURED)]
    if not all(abs(len(content) - DOCUMENT_BYTES) < DOCUMENT_BYTES * 0.01 for content in contents):
        yield f"dmp_round_trip: documents of {len(contents[0])} bytes instead of {DOCUMENT_BYTES}"
    with sandbox() as addresses, ThreadPoolExecutor(SENDERS) as senders:
        plug_dmp(addresses)
        list(senders.map(_submit, range(WARM_UP), contents[:WARM_UP]))
        started = time.perf_counter()
        seconds = list(senders.map(_submit, range(WARM_UP, len(contents)), contents[WARM_UP:]))
        wall = time.perf_counter() - started
        memory = rss_mb()
        list(senders.map(lambda _: connections.close_all(), range(SENDERS)))
    accepted = Call.objects.filter(transaction="TD2.1", outcome=CallOutcome.SUCCESS).count()
    if accepted != len(contents):
        yield f"dmp_round_trip: {accepted} submissions accepted of {len(contents)}"
    yield timed("dmp_round_trip", seconds, per_s=MEASURED / wall, rss_mb=memory)


def _content(number: int) -> bytes:
    """A CDA of the wanted size: the letter's header around bytes that do not compress."""
    snapshot = reference_letter(number)
    header = len(cda_from_snapshot(snapshot, b"%PDF-1.4"))
    body = random.Random(number).randbytes((DOCUMENT_BYTES - header) * 3 // 4)  # noqa: S311 - filler
    return cda_from_snapshot(snapshot, b"%PDF-1.4" + body)


def _submit(number: int, content: bytes) -> float:
    """One submission, timed from the bytes of the document to the answer that was understood."""
    started = time.perf_counter()
    entry = entry_from_cda(parse_cda(content), content)
    lot = SubmissionSet(
        unique_id=f"1.2.250.1.999.1.9900010.3.{1000 + number}",
        source_id="1.2.250.1.999.1.9900010.3",
        patient_id=entry.patient_id,
        submission_time=dtm_from_instant(datetime.now(UTC)),
        authors=entry.authors,
        content_type=content_type_of_patient_class("I"),
        title=entry.title,
    )
    dmp_gateway().submit(_context(), Submission(lot, (SubmittedDocument(entry, content),)))
    return time.perf_counter() - started


def _context() -> AccessContext:
    return AccessContext(
        mode=AuthenticationMode.INDIRECT,
        structure="1990000101",
        sector="SA01",
        name_id="899700900014",
        subject="Alice HODA",
        roles=(profession_role("10", "Médecin"), specialty_role("SM26", "Médecine générale")),
        authenticated_at=datetime.now(UTC),
        actor_label="bench",
    )
