"""`dmp_fragment`: what the icon and the counter of the DMP cost beside the national calls they wait for.

From the request to the fragment, through every middleware, less the durations that the trace of the calls
notes: the delay of the DMP is not ours. The line to the DMP, the VIHF and their signature are in the calls.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from consent.enums import ChoiceValue, Subject
from consent.services import choice_record
from dmp.models import DmpStatus, NoticeAcceptance
from national.models import Call
from patients.models import Episode
from tests.bench.figures import Figure, rss_mb, timed
from tests.bench.hospital import ACTOR, build_hospital, doctor_of, plug_dmp, sandbox, stays
from tests.signing_in import sign_in

WARM_UP = 20
MEASURED = 200
FRAGMENTS = (("dmp_fact", {}), ("dmp_news", {"chercher": "1"}))


def measure() -> Iterator[Figure | str]:
    """Both fragments in turn, for one patient after the other; nothing that was answered is kept."""
    unit = build_hospital()
    settings.DMP_AIR_SITES = [unit.site.finess]
    doctor = doctor_of(unit)
    NoticeAcceptance.objects.create(user=doctor, text_sha256="0" * 64)
    episodes = stays(unit)
    for episode in episodes:
        choice_record(
            episode=episode, subject=Subject.CONSULTATION, value=ChoiceValue.NOT_OPPOSED, actor=ACTOR
        )
    with sandbox() as addresses:
        plug_dmp(addresses)
        client = sign_in(Client(raise_request_exception=True), doctor)
        found = [_asked(client, episodes, number) for number in range(WARM_UP + MEASURED)]
        memory = rss_mb()
    measured = found[WARM_UP:]
    if any(calls == 0 for _, calls in measured):
        yield f"dmp_fragment: {sum(calls == 0 for _, calls in measured)} fragments asked the DMP nothing"
    seconds = [own for own, _ in measured]
    yield timed("dmp_fragment", seconds, per_s=None, rss_mb=memory)


def _asked(client: Client, episodes: Sequence[Episode], number: int) -> tuple[float, int]:
    """Seconds of one fragment that are ours, and how many calls it made."""
    name, query = FRAGMENTS[number % 2]
    patient = episodes[number // 2 % len(episodes)].patient
    if name == "dmp_fact":
        cache.clear()
        DmpStatus.objects.update(checked_at=None)
    last = Call.objects.order_by("-id").values_list("id", flat=True).first() or 0
    started = time.perf_counter()
    answer = client.get(reverse(f"dossier:{name}", args=[patient.uid]), query, headers={"HX-Request": "true"})
    seconds = time.perf_counter() - started
    if answer.status_code != 200:
        raise ValueError(f"{name}: {answer.status_code}")
    durations = Call.objects.filter(pk__gt=last).values_list("duration_ms", flat=True)
    calls = list(durations)
    return seconds - sum(calls) / 1000, len(calls)
