"""A doctor who consults the DMP of the sandbox from the pages of the record, and others who deposit there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from django.test import Client
from django.urls import reverse
from lxml import html

from accounts.models import User
from interop.ins.codes import INS_NIR_TEST_OID
from sandbox.dmp.fixtures.loading import register_draft
from sandbox.dmp.fixtures.plan import Planned, draft_of, people
from sandbox.dmp.records import Document
from sandbox.documents.cda import build_cda
from sandbox.runtime import Sandbox
from tests.dossier.conftest import Seen, htmx, seen
from tests.hospital import MATRICULE, Hospital
from tests.signing_in import sign_in

INS = (MATRICULE, INS_NIR_TEST_OID)
OPENING = ["TD0.2", "TD0.3", "TD0.2"]
"""What a first opening asks: existence, authorisation positioned by itself, existence again."""


@dataclass
class Reader:
    """A person at the record of the patient; every fragment is asked for as the page does."""

    hospital: Hospital
    user: User
    browser: Client = field(default_factory=Client)

    @classmethod
    def logged_in(cls, hospital: Hospital, user: User, *, psc: bool = True) -> Reader:
        reader = cls(hospital, user)
        sign_in(reader.browser, user, psc=psc)
        return reader

    def page(self) -> Seen:
        return seen(self.browser.get(reverse("dossier:patient", args=[self.hospital.patient.uid])))

    def get(self, name: str, *args: object, **query: str) -> Seen:
        answer = self.browser.get(reverse(f"dossier:{name}", args=args), query, headers=htmx())
        body = answer.content.decode().strip()
        return Seen(
            html.fromstring(f"<table>{body}</table>" if body.startswith("<tbody") else f"<div>{body}</div>")
        )

    def about_patient(self, name: str, **query: str) -> Seen:
        return self.get(name, self.hospital.patient.uid, **query)

    def fact(self) -> str:
        """The words of the icon."""
        return self.about_patient("dmp_fact").texts("#dmp-fact dd")[0]

    def news(self) -> str:
        """The counter, asked for by a click."""
        return self.about_patient("dmp_news", chercher="1", liste="1").text

    def rows(self, **query: str) -> list[str]:
        return self.about_patient("dmp_group", **query).texts("tr.docs__dmp")

    def search(self, **criteria: str) -> list[str]:
        return self.about_patient("dmp_results", **criteria).texts("tr.docs__dmp")

    def post(self, name: str, *args: object, target: str = "", **data: Any) -> Seen:
        answer = self.browser.post(reverse(f"dossier:{name}", args=args), data, headers=htmx(target))
        return Seen(html.fromstring(f"<table>{answer.content.decode()}</table>"))

    def integrate(self, *uids: object) -> Seen:
        chosen = [str(uid) for uid in uids]
        return self.post("dmp_integrate", self.hospital.patient.uid, target="liste", document=chosen)

    def asks_for_everything(self) -> None:
        """Whatever a person may click about the DMP of this patient, whether it is answered or not."""
        patient = [self.hospital.patient.uid]
        self.browser.get(reverse("dossier:patient", args=patient))
        for name, query in (
            ("dmp_fact", {}),
            ("dmp_news", {"chercher": "1"}),
            ("dmp_group", {"vu": "1"}),
            ("dmp_search", {}),
            ("dmp_results", {}),
        ):
            self.browser.get(reverse(f"dossier:{name}", args=patient), query, headers=htmx())


@dataclass
class Journal:
    """Requests that the DMP saw since this object was made."""

    there: HasDmp
    start: int = 0

    def __post_init__(self) -> None:
        self.start = len(self.there.sandbox.dmp.journal())

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self.there.sandbox.dmp.journal()[self.start :]

    @property
    def operations(self) -> list[str]:
        return [row["operation"] for row in self.requests]

    def clear(self) -> None:
        self.__post_init__()


class HasDmp(Protocol):
    """Whatever is plugged into the DMP of a sandbox: a hospital, a running installation."""

    @property
    def sandbox(self) -> Sandbox: ...


def deposit(there: HasDmp, number: int, title: str, **changes: Any) -> str:
    """Another hospital feeds the DMP of the patient now; the uniqueId."""
    planned = Planned(
        matricule=MATRICULE,
        number=number,
        writer="noel",
        kind="11488-4",
        title=title,
        lines=("Examen sans particularité.",),
        days_ago=2,
    )
    now = datetime.now(UTC)
    draft = replace(draft_of(replace(planned, **changes), people(), now), deposited_at=now)
    content = build_cda(draft)
    registry = there.sandbox.dmp.registry
    register_draft(registry, draft, content, registry.keep({draft.unique_id: content})[draft.unique_id])
    return draft.unique_id


def held(there: HasDmp, unique_id: str) -> Document:
    """A document as the DMP holds it."""
    document = there.sandbox.dmp.registry.by_unique_id(unique_id)
    assert document is not None
    return document
