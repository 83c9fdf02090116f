"""The hospital of the worked examples of the specification (stats 6): sites A and B, year 2025.

Rows are those that the services of the lower rooms would have left; a test says what happened and when,
in local time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import time_machine

from accounts.models import User
from audit.enums import Action, Outcome
from audit.models import Trace
from consent.enums import ChoiceValue, Subject
from documents.enums import DeletionMotive, Intake, Origin, ReceiptOutcome, ReceiptRequest, VersionState
from documents.models import Document, Reception
from documents.services import ImportBy
from establishment.models import Unit
from interop.vihf import codes as vihf
from patients.enums import EpisodeKind, EpisodeState
from patients.models import Episode, Patient
from sending.enums import Channel, OrderAction, OrderOrigin, OrderState
from sending.models import Order, OrderEvent
from stats.rules.figures import ALL, Key, Ratio, Tally
from stats.rules.months import Month, Period
from stats.selectors.tally import reading_at, tally_of
from tests.documents.arrivals import imported_by_hand
from tests.factories import (
    AssignmentFactory,
    ChoiceFactory,
    DocumentFactory,
    EpisodeFactory,
    LegalEntityFactory,
    PatientFactory,
    SiteFactory,
    UnitFactory,
    UserFactory,
    ValidatedVersionFactory,
)

PARIS = ZoneInfo("Europe/Paris")
A, B, EJ = "010000011", "010000012", "010000001"
LDL, CRO, PRESC, KINE, CRCONS = "11490-0", "34874-8", "57833-6", "PRESC-KINE", "11488-4"
MARCH, APRIL = Month(2025, 3), Month(2025, 4)
DELIVERED = {
    Channel.DMP: OrderState.RECEIVED_DMP,
    Channel.MSSANTE_PRO: OrderState.DELIVERED,
    Channel.MSSANTE_PATIENT: OrderState.DELIVERED,
}


def day(text: str) -> datetime:
    """`03-05` at noon, `03-31 23:30`, `2024-11-02`: local time of 2025."""
    date, _, hour = text.partition(" ")
    full = date if date.count("-") == 2 else f"2025-{date}"
    return datetime.fromisoformat(f"{full} {hour or '12:00'}").replace(tzinfo=PARIS)


@dataclass
class World:
    """What happened, told in the words of the examples."""

    units: dict[str, Unit] = field(default_factory=dict)
    _numbers: count = field(default_factory=lambda: count(1))

    @classmethod
    def described(cls) -> World:
        entity = LegalEntityFactory(finess=EJ, name="CHU Démo")
        world = cls()
        for finess, name in ((A, "Site A"), (B, "Site B")):
            site = SiteFactory(finess=finess, name=name, legal_entity=entity)
            world.units[finess] = UnitFactory(code=f"U-{name[-1]}", site=site)
            world.units[f"{finess} surgery"] = UnitFactory(code=f"C-{name[-1]}", site=site, is_surgical=True)
        return world

    def stay(
        self,
        *,
        entry: str = "02-20",
        exit: str | None = None,
        at: str = A,
        surgical: bool = False,
        patient: Patient | None = None,
        **values: object,
    ) -> Episode:
        """A hospital stay; closed when it has an exit."""
        return EpisodeFactory(
            patient=patient or PatientFactory(),
            unit=self.units[f"{at} surgery" if surgical else at],
            admitted_at=day(entry),
            discharged_at=day(exit) if exit else None,
            state=EpisodeState.CLOSED if exit else EpisodeState.OPEN,
            **values,
        )

    def consultation(self, on: str, *, at: str = A, **values: object) -> Episode:
        """A consultation that took place."""
        values.setdefault("state", EpisodeState.CLOSED)
        values.setdefault("patient", PatientFactory())
        return EpisodeFactory(unit=self.units[at], kind=EpisodeKind.OUTPATIENT, admitted_at=day(on), **values)

    def document(
        self, stay: Episode | None, type_code: str = LDL, *, at: str | None = None, dated: str = "03-01"
    ) -> Document:
        """A validated document of a stay."""
        unit = self.units[at] if at else (stay.unit if stay else None)
        document = DocumentFactory(
            patient=stay.patient if stay else PatientFactory(),
            episode=stay,
            unit=unit,
            type_code=type_code,
            set_id=f"1.2.250.1.999.990000010.2.{next(self._numbers)}",
            origins=[Origin.PRODUCED.value],
        )
        ValidatedVersionFactory(document=document, act_at=day(dated), has_ins=True)
        return document

    def order(
        self,
        document: Document,
        *events: str,
        channel: Channel = Channel.DMP,
        action: OrderAction = OrderAction.INITIAL,
        origin: OrderOrigin = OrderOrigin.FLUX,
        recipient: str = "",
        rpps: str = "",
        has_ins: bool = True,
        motive: str = "",
    ) -> Order:
        """An order and what it met: `ok 03-06`, `KO 03-30`, in this order."""
        number = next(self._numbers)
        order = Order.objects.create(
            version=document.versions.latest("number"),
            channel=channel,
            action=action,
            origin=origin,
            state=OrderState.SCHEDULED,
            motive=motive,
            recipient_address=recipient,
            recipient_rpps=rpps,
            lineage=document.set_id,
            finess=document.unit.site.finess if document.unit else "",
            has_ins=has_ins,
            idempotency_key=f"key-{number}",
            created_at=day("02-01"),
        )
        for event in events:
            self.event(order, event)
        return order

    def event(self, order: Order, told: str) -> None:
        """One more event of an order; `ok` arrives on its channel, `KO` fails for good."""
        word, _, when = told.partition(" ")
        states = {"ok": DELIVERED[Channel(order.channel)], "KO": OrderState.FAILED}
        self._move(order, OrderState.SENDING, day(when) - timedelta(minutes=2))
        self._move(order, OrderState.HANDED_OVER, day(when) - timedelta(minutes=1))
        self._move(order, states[word], day(when))

    def sent(self, document: Document, *events: str, **values: object) -> Document:
        """A document with its order."""
        self.order(document, *events, **values)
        return document

    def letter(self, stay: Episode, *events: str, type_code: str = LDL, **values: object) -> Document:
        """A document of a stay, sent to the DMP unless said otherwise."""
        return self.sent(self.document(stay, type_code), *events, **values)

    def delete(self, document: Document, when: str, motive: DeletionMotive) -> None:
        """The document is taken out of the DMP."""
        self.order(document, f"ok {when}", action=OrderAction.DELETE, motive=motive)

    def replaced(self, document: Document, *events: str) -> None:
        """A second version, sent in its turn."""
        document.versions.update(state=VersionState.REPLACED)
        ValidatedVersionFactory(document=document, number=2, act_at=day("03-10"), has_ins=True)
        self.order(document, *events, action=OrderAction.REPLACE)

    def choose(
        self,
        stay: Episode,
        when: str,
        *,
        alimentation: ChoiceValue | None = None,
        consultation: ChoiceValue | None = None,
        **values: object,
    ) -> None:
        """What the patient chose for a stay."""
        for subject, value in (
            (Subject.ALIMENTATION, alimentation),
            (Subject.CONSULTATION, consultation),
        ):
            if value is not None:
                ChoiceFactory(episode=stay, subject=subject, value=value, collected_at=day(when), **values)

    def account(
        self, profession: str, *, at: str = A, opened: str = "2024-01-02", until: str | None = None
    ) -> User:
        """A nominative account attached to a site; `until` is the day when it was disabled."""
        user = UserFactory(profession=profession, created_at=day(opened), is_active=until is None)
        AssignmentFactory(user=user, unit=self.units[at], since=day(opened))
        if until:
            self.trace("account.disable", until, object_uid=user.uid)
        return user

    def consult(
        self,
        user: User,
        what: str,
        when: str,
        *,
        patient: Patient | None = None,
        document: str = "",
        type_code: str = "",
        at: str = A,
        outcome: Outcome = Outcome.SUCCESS,
    ) -> None:
        """What the consultation room traces of one act: `search`, `existence`, `view`, `integrate`."""
        detail = {
            "profession": user.profession,
            "structure": f"{vihf.FINESS_PREFIX}{at}",
            "unit": self.units[at].code,
        }
        if document:
            detail |= {"unique_id": document, "type_code": type_code}
        if what in ("view", "integrate"):
            self.consult(user, "retrieve", when, patient=patient, at=at, outcome=outcome)
        self.trace(
            f"dmp.{what}",
            when,
            actor_uid=user.uid,
            patient_uid=patient.uid if patient else None,
            object_type="dmp.document" if document else "dmp.consultation",
            detail=detail,
            outcome=outcome,
        )

    def integrate(
        self, user: User, stay: Episode, when: str, document: str, type_code: str, *, at: str = A
    ) -> None:
        """A user files a document of the DMP in the record of the patient of a stay."""
        self.consult(
            user, "integrate", when, patient=stay.patient, document=document, type_code=type_code, at=at
        )
        filed = DocumentFactory(
            patient=stay.patient, type_code=type_code, set_id=f"{document}.2", origins=[Origin.DMP.value]
        )
        Reception.objects.create(
            at=day(when),
            origin=Origin.DMP,
            intake=Intake.MANUAL,
            request=ReceiptRequest.INITIAL,
            outcome=ReceiptOutcome.INTEGRATED,
            patient=stay.patient,
            document=filed,
            type_code=type_code,
            unique_id=document,
        )

    def receive(
        self,
        lineage: str,
        when: str,
        outcome: ReceiptOutcome,
        *,
        intake: Intake = Intake.AUTOMATIC,
        request: ReceiptRequest = ReceiptRequest.INITIAL,
        at: str | None = A,
        is_cda: bool = True,
        **values: object,
    ) -> None:
        """A document that the PFI handed over, addressed to the unit `at`, and what became of it."""
        digest = hashlib.sha256(lineage.encode()).hexdigest()
        defaults = {
            "origin": Origin.MSSANTE,
            "set_id": lineage if is_cda else "",
            "unique_id": f"{lineage}.1" if is_cda else "",
            "type_code": LDL if is_cda else "",
            "cda_sha256": digest if is_cda else "",
            "raw_sha256": digest,
        }
        Reception.objects.create(
            at=day(when),
            intake=intake,
            request=request,
            outcome=outcome,
            unit=self.units[at] if at else None,
            **(defaults | values),
        )

    def by_hand(self, user: User, content: bytes, when: str, *, patient: Patient | None = None) -> None:
        """A person drops a file, chooses the patient and confirms: the services write, units included."""
        patient = patient or PatientFactory()
        with time_machine.travel(day(when), tick=False):
            person = User.objects.get(pk=user.pk)
            imported_by_hand(content, patient=patient, by=ImportBy(person, person.as_actor()))

    def trace(self, type: str, when: str, **values: object) -> None:
        """A row of the trace, as of then."""
        values.setdefault("action", Action.READ)
        Trace.objects.create(type=type, time=day(when), actor_login="tests", **values)

    def _move(self, order: Order, to: OrderState, at: datetime) -> None:
        OrderEvent.objects.create(
            order=order,
            at=at,
            recorded_at=at,
            kind="moved",
            from_state=order.state,
            to_state=to,
            actor_login="tests",
        )
        order.state = to
        order.save(update_fields=["state"])


@dataclass(frozen=True)
class Found:
    """The figures of one extraction, asked for as the examples name them."""

    tally: Tally

    def count(self, indicator: str, month: Month = MARCH, finess: str = A, **axes: str) -> int:
        return self.tally.counts.get(Key(finess, month, indicator, **axes), 0)

    def ratio(self, indicator: str, month: Month = MARCH, finess: str = A, **axes: str) -> tuple:
        """Numerator, denominator and rate as written; the rate is None for an empty denominator."""
        found = self.tally.ratios.get(Key(finess, month, indicator, **axes), Ratio(0, 0))
        return found.numerator, found.denominator, None if found.rate is None else f"{found.rate}"

    def counts(self, indicator: str, months: Sequence[Month] = (MARCH, APRIL), **axes: str) -> list[int]:
        return [self.count(indicator, month, **axes) for month in months]


def extract(on: str = "04-15", *, period: Period | None = None, by_service: bool = False) -> Found:
    """Extract on a day of 2025."""
    return Found(tally_of(reading_at(day(on), period=period, by_service=by_service)))


__all__ = ["ALL", "Found", "World", "day", "extract"]
