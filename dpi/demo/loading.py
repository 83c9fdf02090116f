"""Loads the demonstration hospital, once: its description by services, its patients by PAM over MLLP."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from accounts.enums import LinkMethod, ProviderKind, RoleCode
from accounts.models import IdentityProvider, User
from accounts.services import assignment_give, external_identity_link, user_create
from audit.context import system_actor
from consent.enums import MessageChoiceValue
from consent.services import message_choice_record
from dpi.demo import hospital, people
from dpi.demo.letters import letters_write
from dpi.demo.mails import mails_send, mishaps_prepare
from dpi.demo.messages import messages_of
from dpi.demo.people import DemoPatient
from establishment.enums import Switch
from establishment.models import Unit
from establishment.services import legal_entity_set, site_set, switch_set, unit_set
from exchange.lines import Line, LineSettings
from exchange.services import integrated_pfi_ensure
from interop.hl7v2.ack import parse_ack
from interop.hl7v2.codes import AckCode
from mssante.enums import MailboxKind
from mssante.services import directory_pick, directory_search, mailbox_set
from national.annuaire.ports import DirectoryQuery
from patients.enums import AlertKind, AlertState, IdentifierKind
from patients.models import Identifier, Patient
from patients.services import alerts_set

ACTOR = system_actor("demonstration")
PASSWORD_BYTES = 15


class DemonstrationRefused(Exception):
    """A message of the demonstration was not accepted: the entrance is at fault, say which."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded, to be said once: the passwords, by login, are kept nowhere else."""

    messages: int
    passwords: dict[str, str]


def is_loaded() -> bool:
    """Whether every patient of the demonstration is known; an interrupted load goes on where it was."""
    return _known_ipps(people.PATIENTS) >= {patient.ipp for patient in people.PATIENTS}


def _known_ipps(patients: Sequence[DemoPatient]) -> set[str]:
    known = Identifier.objects.filter(kind=IdentifierKind.IPP, value__in=[row.ipp for row in patients])
    return set(known.values_list("value", flat=True))


def demonstration_load(
    *, now: datetime | None = None, patients: Sequence[DemoPatient] = people.PATIENTS
) -> Loaded:
    """Describe the hospital, open the accounts, then admit the patients through the MLLP port."""
    units = _describe()
    passwords = _open_accounts(units)
    count = _admit(now or timezone.now(), patients)
    _record_alerts()
    _record_refusal()
    return Loaded(count, passwords)


def demonstration_fill(*, is_new: bool) -> None:
    """What the wards did since: letters in every state, written once; mails, the first time only."""
    if is_new:
        correspondents_keep()
        mishaps_prepare()
    letters_write()
    if is_new:
        mails_send()


def correspondents_keep() -> int:
    """Find the doctors in town in the directory, and keep them in the address book; returns how many.

    None where no directory runs: the letters then go to the DMP and to the patient alone.
    """
    kept = 0
    for doctor in (*hospital.CITY_DOCTORS.values(), *hospital.REFERRERS.values()):
        found = directory_search(DirectoryQuery(rpps=doctor.rpps), actor=ACTOR)
        for entry in found.entries:
            if entry.address:
                directory_pick(entry=entry, actor=ACTOR)
                kept += 1
    return kept


def _describe() -> dict[str, Unit]:
    values = dict(hospital.LEGAL_ENTITY)
    entity = legal_entity_set(finess=values.pop("finess"), actor=ACTOR, **values)
    sites = {}
    for row in hospital.SITES:
        values = dict(row)
        finess = values.pop("finess")
        sites[finess] = site_set(finess=finess, legal_entity=entity, actor=ACTOR, **values)
    for switch in (Switch.PSC, Switch.PFI_DMP, Switch.PFI_MSS_OUT, Switch.PFI_MSS_IN):
        switch_set(code=switch, is_on=True, actor=ACTOR)
    integrated_pfi_ensure()
    units = {
        code: unit_set(code=code, site=sites[finess], actor=ACTOR, name=name, send_delay_minutes=delay)
        for code, name, finess, delay in hospital.UNITS
    }
    _open_mailboxes(units)
    return units


def _open_mailboxes(units: dict[str, Unit]) -> None:
    """The application mailbox of the PFI, which sends and is read, and the ones that people read."""
    mailbox_set(
        address=f"pfi@{hospital.MAIL_DOMAIN}",
        actor=ACTOR,
        kind=MailboxKind.APP,
        label=hospital.MAIL_LABEL,
        unit=units[hospital.INTAKE_UNIT],
        is_sender=True,
        error_address=f"erreurs@{hospital.MAIL_DOMAIN}",
    )
    for name, code in (("erreurs", ""), *hospital.MAILBOXES):
        unit = units.get(code)
        site = unit.site if unit else units[hospital.INTAKE_UNIT].site
        mailbox_set(
            address=f"{name}@{hospital.MAIL_DOMAIN}",
            actor=ACTOR,
            kind=MailboxKind.ORG,
            label=f"{hospital.MAIL_LABEL} - {unit.name if unit else 'documents à reprendre'}",
            site=site,
            unit=unit,
        )


def _open_accounts(units: dict[str, Unit]) -> dict[str, str]:
    """Returns the passwords of the local administrators; the others come by a provider."""
    passwords: dict[str, str] = {}
    subjects = _establishment_subjects()
    for person in hospital.USERS:
        if User.objects.filter(login=person.login).exists():
            continue
        chosen = secrets.token_urlsafe(PASSWORD_BYTES) if person.may_use_password else None
        user = user_create(
            login=person.login,
            family_name=person.family_name,
            given_name=person.given_name,
            title=person.title,
            rpps=person.rpps,
            profession=person.profession,
            specialty=person.specialty,
            may_use_password=person.may_use_password,
            password=chosen,
            actor=ACTOR,
        )
        places: list[Unit | None] = [units[code] for code in person.units]
        for unit in places or [None]:
            assignment_give(user=user, role=person.role, unit=unit, giver=None, actor=ACTOR)
        if person.structure_identity:
            _link(user, ProviderKind.PSC, person.structure_identity)
        if person.establishment_identity in subjects:
            _link(user, ProviderKind.GENERIC, subjects[person.establishment_identity])
        if chosen:
            passwords[person.login] = chosen
    return passwords


def _link(user: User, kind: ProviderKind, subject: str) -> None:
    external_identity_link(
        user=user,
        provider=IdentityProvider.objects.get(kind=kind),
        subject=subject,
        method=LinkMethod.ADMIN,
        actor=ACTOR,
    )


def _establishment_subjects() -> dict[str, str]:
    """How the hospital's own provider names people; empty where the sandbox runs without it."""
    if settings.DPI_SANDBOX_ADDRESSES is None:
        return {}
    addresses = json.loads(settings.DPI_SANDBOX_ADDRESSES.read_text("utf-8"))
    return dict(addresses["etablissement"]["subjects"])


def _admit(now: datetime, patients: Sequence[DemoPatient]) -> int:
    line_settings = LineSettings(
        host="127.0.0.1",
        port=settings.MLLP_PORT,
        connect_timeout=settings.MLLP_CONNECT_TIMEOUT_SECONDS,
        ack_timeout=settings.MLLP_ACK_TIMEOUT_SECONDS,
        max_bytes=settings.MLLP_MAX_FRAME_BYTES,
    )
    count = 0
    with Line(line_settings) as line:
        for message in _all_messages(now, patients):
            answer = parse_ack(line.exchange(message))
            if answer.code != AckCode.AA:
                raise DemonstrationRefused(f"{answer.acknowledged_id} : {answer.code} {answer.faults}")
            count += 1
    return count


def _all_messages(now: datetime, patients: Sequence[DemoPatient]) -> Iterator[bytes]:
    known = _known_ipps(patients)
    for patient in patients:
        if patient.ipp not in known:
            yield from messages_of(patient, now=now)


def _record_alerts() -> None:
    """Alerts do not come by PAM here: the nurse of the demonstration recorded them."""
    nurse = User.objects.filter(assignments__role__code=RoleCode.SOIGNANT).earliest("id").as_actor()
    for ipp, state, labels in people.ALLERGIES:
        patient = Patient.objects.get(identifiers__kind=IdentifierKind.IPP, identifiers__value=ipp)
        alerts_set(
            patient=patient, kind=AlertKind.ALLERGY, state=AlertState(state), labels=labels, actor=nurse
        )


def _record_refusal() -> None:
    """A patient told the admission desk to write nothing to Mon espace santé."""
    clerk = User.objects.filter(assignments__role__code=RoleCode.ADMISSION).earliest("id").as_actor()
    patient = Patient.objects.filter(
        identifiers__kind=IdentifierKind.IPP, identifiers__value=people.REFUSES_MESSAGES
    ).first()
    if patient is not None:
        message_choice_record(patient=patient, value=MessageChoiceValue.OPPOSED, actor=clerk)
