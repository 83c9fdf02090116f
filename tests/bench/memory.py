"""`memory_web` and `memory_worker`: what one process weighs once it has treated 200 letters.

A gunicorn worker takes and validates them through the pages, four requests at a time, as
`make run` starts it; then a Celery worker sends them all to the sandbox's DMP. The heaviest process of each
is measured.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import User
from documents.writing import LDL_SES
from dpi.celery import app
from patients.models import Episode
from sending.enums import OrderState
from sending.models import Order
from tests.bench.children import descendants, running
from tests.bench.figures import Figure, rss_mb, timed
from tests.bench.hospital import build_hospital, doctor_of, plug_dmp, sandbox, stays
from tests.bench.installation import free_port
from tests.bench.letters import REFERENCE_BODY
from tests.signing_in import sign_in

LETTERS = 200
AT_ONCE = 4
DRAIN_SECONDS = 180.0
WEB = (
    "--worker-class=gthread", "--workers=1", "--threads=4", "--timeout=60", "--worker-tmp-dir=/dev/shm",
    "--no-control-socket",
)  # fmt: skip
WORKER = ("worker", "--concurrency=1", "--loglevel=WARNING", "--without-gossip", "--without-mingle")


def measure() -> Iterator[Figure | str]:
    """The web first, with nobody behind it; then the worker, over what the web left."""
    unit = build_hospital()
    doctor = doctor_of(unit)
    episodes = stays(unit)
    with sandbox() as addresses:
        plug_dmp(addresses)
        yield from _web(doctor, episodes)
        yield from _worker()


def _web(doctor: User, episodes: Sequence[Episode]) -> Iterator[Figure | str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = ("-m", "gunicorn", "dpi.wsgi", f"--bind=127.0.0.1:{port}", *WEB)
    with (
        running("web", *command, ready=lambda: _answers(f"{address}/health/live")) as web,
        Browser.of(doctor, address) as browser,
        ThreadPoolExecutor(AT_ONCE) as people,
    ):
        patients = [str(episodes[number % len(episodes)].patient.uid) for number in range(LETTERS)]
        started = time.perf_counter()
        seconds = list(people.map(browser.write_letter, patients))
        wall = time.perf_counter() - started
        memory = max(rss_mb(pid) for pid in descendants(web.pid))
    if (written := Order.objects.count()) != LETTERS:
        yield f"memory_web: {written} letters validated instead of {LETTERS}"
    yield timed("memory_web", seconds, per_s=LETTERS / wall, rss_mb=memory)


def _worker() -> Iterator[Figure | str]:
    with running("worker", "-m", "celery", "--app=dpi.celery", *WORKER, ready=_pings) as worker:
        started = time.perf_counter()
        left = _drain()
        wall = time.perf_counter() - started
        memory = max(rss_mb(pid) for pid in (worker.pid, *descendants(worker.pid)))
    if left:
        yield f"memory_worker: {left} letters did not reach the DMP"
    yield Figure("memory_worker", n=LETTERS - left, per_s=(LETTERS - left) / wall, rss_mb=memory)


def _drain() -> int:
    """Do what beat does, until every order has arrived; returns how many have not."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while True:
        left = Order.objects.exclude(state=OrderState.RECEIVED_DMP).count()
        if not left or time.monotonic() > deadline:
            return left
        for task in ("sending.tasks.drain", "pfi.tasks.drain"):
            app.send_task(task, expires=10)
        time.sleep(0.5)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _pings() -> bool:
    """Whether a worker takes what the broker holds."""
    return bool(app.control.ping(timeout=0.5))


@dataclass(frozen=True, slots=True)
class Browser:
    """A logged-in doctor over HTTP."""

    client: httpx.Client
    token: str

    @classmethod
    def of(cls, doctor: User, address: str) -> Browser:
        """Open a session; its token comes with the first page."""
        session = sign_in(Client(), doctor).cookies[settings.SESSION_COOKIE_NAME].value
        client = httpx.Client(
            base_url=address,
            cookies={settings.SESSION_COOKIE_NAME: session},
            trust_env=False,
            timeout=60,
        )
        client.get(reverse("dossier:home")).raise_for_status()
        return cls(client, client.cookies[settings.CSRF_COOKIE_NAME])

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def write_letter(self, patient: str) -> float:
        """Open a letter for a patient, fill it, validate it, come back to the record.

        Returns the seconds of the validation, as the doctor waits for them.
        """
        opened = self._post(reverse("dossier:letter_new", args=[patient, LDL_SES.code]), {})
        editor = opened.headers["Location"]
        version = editor.rstrip("/").split("/")[-2]
        self._post(editor, _FORM | {"revision": "0"}, HX_Request="true")
        panel = self._post(
            reverse("dossier:letter_panel", args=[version]), _FORM | {"revision": "1"}, HX_Request="true"
        )
        started = time.perf_counter()
        answer = self._post(
            reverse("dossier:letter_validate", args=[version]),
            {
                "revision": _revision(panel.text),
                "recipient": "dmp",
                "visibility": "visible",
                "decision": "schedule",
            },
        )
        seconds = time.perf_counter() - started
        if answer.status_code != 302:
            raise ValueError(f"the letter was not validated: {answer.status_code}")
        self.client.get(answer.headers["Location"]).raise_for_status()
        return seconds

    def _post(self, address: str, data: dict[str, str | list[str]], **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.post(address, data=data, headers=named | {"X-CSRFToken": self.token})
        if answer.status_code >= 400:
            raise ValueError(f"{address}: {answer.status_code} {answer.text[:300]}")
        return answer


def _revision(page: str) -> str:
    """The number of the draft that the panel speaks of."""
    found = re.search(r'name="revision" value="(\d+)"', page)
    if found is None:
        raise ValueError("the panel names no revision")
    return found.group(1)


def _form() -> dict[str, str | list[str]]:
    """The reference letter as the form sends it."""
    fields: dict[str, str | list[str]] = {}
    for section in LDL_SES.sections:
        answer = REFERENCE_BODY.get(section.key, "")
        if isinstance(answer, dict):
            for part in ("name", "dosage", "status"):
                fields[f"{section.key}-{part}"] = [row[part] for row in answer["rows"]]
        else:
            fields[section.key] = answer
    return fields


_FORM = _form()
