"""The demonstration hospital: what its data promise, before anything is loaded."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from accounts.enums import RoleCode
from accounts.models import User
from documents.enums import Intake, ReceiptOutcome, VersionState
from documents.models import Reception, Version
from dpi.demo import hospital, loading, people
from dpi.demo.letters import LETTERS, letters_write
from dpi.demo.mails import DIFFERING, MATCHING
from dpi.demo.messages import messages_of
from interop.hl7v2.pam import AdtMessage, parse_adt
from interop.hl7v2.tokens import parse_message
from interop.ins.codes import IdentityStatus
from interop.ins.key import matricule_fault
from mssante.models import Mailbox
from mssante.selectors import sender_mailbox
from sandbox.annuaire import people as annuaire
from sandbox.demo import PATIENTS, PROFESSIONALS
from sending.enums import OrderState
from sending.models import Order
from tests.factories import EpisodeFactory, PatientFactory

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
FALSE_KEY = {"000015"}
"""HERMANN GATIEN: the official scenario has a false key, and the identity stays provisional."""


@pytest.fixture(scope="module")
def admissions() -> list[AdtMessage]:
    """The first message about each person, as the hospital will read it."""
    return [
        parse_adt(parse_message(next(messages_of(patient, now=NOW))))
        for patient in sorted(people.PATIENTS, key=lambda patient: patient.ipp)
    ]


def test_every_message_is_one_that_pam_france_reads_as_it_was_meant(admissions):
    warned = {adt.identity.ipp.value: adt.warnings for adt in admissions if adt.warnings}
    assert set(warned) == FALSE_KEY
    assert len(admissions) == len({patient.ipp for patient in people.PATIENTS}) >= 58


def test_visits_and_beds_are_given_once():
    stays = [stay for patient in people.PATIENTS for stay in patient.stays]
    beds = Counter((stay.room, stay.bed) for stay in stays if stay.bed and stay.length is None)
    assert len({stay.visit for stay in stays}) == len(stays)
    assert [bed for bed, count in beds.items() if count > 1] == []
    assert {stay.unit for stay in stays} == {code for code, *_ in hospital.UNITS}


def test_identities_are_of_every_kind_that_a_clerk_meets(admissions):
    statuses = Counter(adt.identity.reliability.status for adt in admissions)
    attributes = Counter(name for adt in admissions for name in adt.identity.reliability.attributes)
    assert set(statuses) == set(IdentityStatus)
    assert attributes == {"HOMA": 2, "DOUT": 1, "FICT": 1}
    assert any(NOW.year - adt.identity.birth_date.year < 14 for adt in admissions)


def test_every_matricule_has_a_right_key_but_the_official_false_one():
    faults = {p.ipp for p in people.PATIENTS if p.matricule and matricule_fault(p.matricule)}
    assert faults == FALSE_KEY


def test_the_dmp_of_the_sandbox_knows_the_same_invented_persons():
    hospital_side = {
        (p.matricule, p.birth_name, p.given_names.split()[0], p.birth_date.isoformat(), p.sex)
        for p in people.invented_patients()
        if p.matricule
    }
    dmp_side = {(p.matricule, p.family, p.given, p.birth_date, p.sex) for p in PATIENTS}
    assert hospital_side <= dmp_side


def test_accounts_are_thirteen_and_the_sandbox_lets_each_in():
    roles = Counter(user.role for user in hospital.USERS)
    assert sum(roles.values()) == 13
    assert roles[RoleCode.PRESCRIPTEUR] == 4
    assert len({user.specialty for user in hospital.USERS} - {""}) == 3
    known = {person.rpps for person in PROFESSIONALS if person.rpps}
    named = {person.key for person in PROFESSIONALS} | {p.subject_name_id for p in PROFESSIONALS}
    for user in hospital.USERS:
        identity = user.structure_identity or user.establishment_identity
        assert user.rpps in known or identity in named or user.may_use_password, user.login


def test_city_doctors_are_those_of_the_sandbox():
    outside = {(p.rpps, p.family, p.given) for p in PROFESSIONALS if p.mailbox}
    assert {(d.rpps, d.family_name, d.given_name) for d in hospital.CITY_DOCTORS.values()} == outside


def test_who_addresses_is_in_the_directory_with_a_mailbox_that_the_operator_has():
    listed = {one.rpps: one for one in annuaire.listed()}
    for doctor in hospital.REFERRERS.values():
        found = listed[doctor.rpps]
        assert (found.family, found.given) == (doctor.family_name, doctor.given_name)
        assert {box.address for box in found.boxes} <= set(annuaire.town_addresses())
    mailboxes = {box.address for doctor in hospital.REFERRERS.values() for box in listed[doctor.rpps].boxes}
    assert mailboxes == {hospital.SILENT_MAILBOX, hospital.RETURNING_MAILBOX}


def test_letters_are_of_stays_that_the_hospital_has():
    visits = {stay.visit for patient in people.OFFICIAL_PATIENTS for stay in patient.stays}
    assert {letter.visit for letter in LETTERS} <= visits
    assert {letter.decision for letter in LETTERS} == {
        "draft", "now", "wait", "hold", "keep", "cancel", "delete",
    }  # fmt: skip


@pytest.mark.django_db
def test_the_record_holds_documents_in_every_state_that_a_person_can_give_them(settings, tmp_path):
    settings.DOCUMENT_STORE = tmp_path
    units = loading._describe()
    for number, login in enumerate(("ahoda", "blemaire", "spicard")):
        User.objects.create_user(
            login, family_name="ESSAI", given_name=login.title(), title="Dr", rpps=f"9970090001{number}",
            profession="10", specialty="SM26",
        )  # fmt: skip
    patient = PatientFactory()
    for visit in {letter.visit for letter in LETTERS}:
        EpisodeFactory(patient=patient, visit_number=visit, unit=units["6268"])
    assert letters_write() == len(LETTERS)
    assert letters_write() == 0, "once"

    versions = Version.objects.all()
    assert {one.state for one in versions} == set(VersionState.values)
    assert {OrderState.CANCELLED, OrderState.HELD} <= {order.state for order in Order.objects.all()}
    by_hand = Reception.objects.get(intake=Intake.MANUAL)
    assert (by_hand.outcome, by_hand.is_cda) == (ReceiptOutcome.INTEGRATED, False)


@pytest.mark.django_db
def test_letters_from_town_reach_the_ward_of_their_patients_whose_site_has_a_finess():
    units = loading._describe()
    written_about = [patient for patient in people.PATIENTS if patient.matricule in (MATCHING, DIFFERING)]
    wards = {stay.unit for patient in written_about for stay in patient.stays if stay.length is None}
    assert wards == {hospital.INTAKE_UNIT}
    assert len(written_about) == 2
    boxes = {
        box.address.partition("@")[0]: box for box in Mailbox.objects.select_related("site", "unit__site")
    }
    intake = boxes.pop("pfi")
    assert (intake.reading_unit, intake.unit.site.finess) == (units["6268"], "990000101")
    for finess in ("990000101", "990000200"):
        assert sender_mailbox(finess) == intake, "one mailbox sends for both sites"
    assert {name: box.site.finess for name, box in boxes.items()} == {
        "erreurs": "990000101",
        **{name: units[code].site.finess for name, code in hospital.MAILBOXES},
    }
