"""`cda_display`: the structured view of a received document of 140 kB, from the request to the page.

Every middleware, the care relation and the trace of the reading are in it; only the line to the browser is
missing. The document is a lettre de liaison with a long list of treatments: narrative, codes, header.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from django.test import Client
from django.urls import reverse

from documents.enums import Structure
from documents.store import content_put
from interop.cda.ldl_ses.model import DischargeLetter, Treatment
from interop.cda.n3 import build_cda_n3
from tests.bench.figures import Figure, rss_mb, timed
from tests.bench.hospital import build_hospital, doctor_of
from tests.factories import DocumentFactory, EpisodeFactory, PatientFactory, ValidatedVersionFactory
from tests.interop.cda.letters import LETTERS
from tests.signing_in import sign_in

SIZE = 140_000
MEASURED = 200
WARM_UP = 20


def measure() -> Iterator[Figure | str]:
    """The same page again and again: nothing of it is kept between two requests."""
    unit = build_hospital()
    doctor = doctor_of(unit)
    cda = _document()
    patient = PatientFactory()
    document = DocumentFactory(patient=patient, episode=EpisodeFactory(patient=patient, unit=unit), unit=unit)
    version = ValidatedVersionFactory(
        document=document,
        author=doctor,
        structure=Structure.N3,
        cda_sha256=content_put(cda),
        cda_size=len(cda),
    )
    client = sign_in(Client(raise_request_exception=True), doctor)
    address = reverse("dossier:document_view", args=[version.uid])
    seconds = []
    for _ in range(WARM_UP + MEASURED):
        started = time.perf_counter()
        answer = client.get(address)
        seconds.append(time.perf_counter() - started)
        if answer.status_code != 200:
            yield f"cda_display: {answer.status_code}"
            return
    yield timed("cda_display", seconds[WARM_UP:], rss_mb=rss_mb())


def _document() -> bytes:
    """The first letter of at least the size."""
    header, letter, _ = LETTERS["ldl_ses_full"]
    given = _treatments(letter)
    times = 1
    while len(cda := build_cda_n3(header, replace(letter, discharge_treatments=given * times))) < SIZE:
        times += 2
    return cda


def _treatments(letter: DischargeLetter) -> tuple[Treatment, ...]:
    if not isinstance(letter.discharge_treatments, tuple):
        raise TypeError("the full letter has treatments")
    return letter.discharge_treatments
