"""Identities received by PAM: traits, INS and status, who may replace what (hl7v2 4.3; ins 3, 7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from audit.models import Trace
from establishment.enums import Switch
from interop.ins.codes import INS_NIR_OID
from patients.events import identity_changed
from patients.models import Identifier, IdentityEvent, Patient
from patients.rules import StatusEvent
from patients.services import IdentityInput, identity_event_apply, identity_update
from tests.factories import SwitchFactory
from tests.patients.adt import AUTHORITY, INS, TEST_OID, adt
from tests.patients.conftest import Receive, last_warning
from tests.patients.people import CLERK

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("INS/va1.62")]


def patient() -> Patient:
    return Patient.objects.get()


def active_ins() -> str:
    row = Identifier.objects.filter(kind="INS", is_active=True).first()
    return row.value if row else ""


@pytest.mark.requirement("INS/va1.01", "INS/va1.02", "INS/va1.03")
def test_every_trait_of_the_message_is_kept(receive: Receive) -> None:
    ack = receive(
        "A28",
        name="D'Étang-Müller",
        given="Zoé",
        given_names="Zoé Marie-Louise",
        used="DUBOIS^Zoé",
        birth="19751231",
        cog="2A004",
        address="1 rue du Lac^^BRON^^69500^FRA^H",
        phone="^PRN^PH^^^^^^^^^0102030405~^NET^Internet^zoe@example.org",
        zfd="|||Y|CV|20240101|PA|20330501",
        extra=("ROL||UC|ODRP|10000023084^AGNES^Isabelle^^^^^^ASIP-SANTE-PS&1.2&ISO^L^^^RPPS",),
    )
    assert ack.code == "AA"
    found = patient()
    assert (found.birth_name, found.first_birth_given_name) == ("D'ETANG-MULLER", "ZOE")
    assert found.birth_given_names == "ZOE MARIE-LOUISE"
    assert (found.used_name, found.used_given_name) == ("DUBOIS", "Zoé")
    assert (found.birth_date, found.is_birth_date_estimated) == (date(1975, 12, 31), True)
    assert (found.sex, found.birth_place_cog) == ("F", "2A004")
    assert (found.street, found.postal_code, found.city) == ("1 rue du Lac", "69500", "BRON")
    assert (found.phone, found.email) == ("0102030405", "zoe@example.org")
    assert (found.attending_doctor_name, found.attending_doctor_rpps) == ("AGNES Isabelle", "10000023084")
    assert (found.collection_method, found.insi_query_date) == ("CV", date(2024, 1, 1))
    assert (found.identity_document, found.identity_document_expiry) == ("PA", date(2033, 5, 1))
    assert found.identity_updated_at == datetime(2024, 3, 6, 10, 11, 53, tzinfo=UTC)
    assert (found.search_birth_name, found.search_used_name) == ("D ETANG MULLER", "DUBOIS")
    ipp = Identifier.objects.get(kind="IPP")
    assert (ipp.value, ipp.namespace, ipp.facility, ipp.oid) == ("000003", "CHU-X", "000897406", "")


# --- PID-32 (table of hl7v2 4.3) -----------------------------------------------------------------
@pytest.mark.requirement("INS/va1.25")
@pytest.mark.parametrize(
    ("reliability", "has_ins", "status", "keeps_ins"),
    [
        ("QUAL", True, "QUAL", True),
        ("VALI", True, "QUAL", True),
        ("VALI", False, "VALI", False),
        ("QUAL", False, "VALI", False),
        ("RECUP", True, "RECUP", True),
        ("RECUP", False, "PROV", False),
        ("PROV", True, "RECUP", True),
        ("VIDE", True, "RECUP", True),
        ("", True, "RECUP", True),
        ("PROV", False, "PROV", False),
        ("VIDE", False, "PROV", False),
        ("", False, "PROV", False),
        ("VALI~DOUT", True, "PROV", False),
        ("QUAL~FICT", True, "PROV", False),
        ("VALI~HOMD", True, "QUAL", True),
    ],
)
def test_status_and_matricule_follow_pid_32(
    receive: Receive, reliability: str, has_ins: bool, status: str, keeps_ins: bool
) -> None:
    receive("A28", reliability=reliability, ins=INS if has_ins else "")
    assert patient().identity_status == status
    assert bool(active_ins()) is keeps_ins


@pytest.mark.requirement("INS/va1.41")
@pytest.mark.parametrize(
    ("reliability", "attributes"),
    [
        ("VALI~HOMD", ["HOMD"]),
        ("PROV~HOMA~DOUT", ["DOUT", "HOMA"]),
        ("PROV~FICT", ["FICT"]),
        ("PROV~FICT~HOMA~DOUT", ["FICT"]),
    ],
)
def test_attributes_of_pid_32(receive: Receive, reliability: str, attributes: list[str]) -> None:
    assert receive("A28", reliability=reliability).code == "AA"
    assert patient().identity_attributes == attributes


@pytest.mark.parametrize("code", ["DOUB", "DESA", "INVA", "USUR"])
def test_a_closed_identity_is_closed_and_said(receive: Receive, code: str) -> None:
    receive("A28", reliability=f"VALI~{code}")
    assert patient().is_closed
    assert "fermée" in last_warning()
    receive("A31", reliability="VALI", updated="20240401")
    assert not patient().is_closed


@pytest.mark.requirement("INS/va1.56")
def test_an_ins_of_an_authority_that_this_platform_refuses_is_ignored(
    receive: Receive, settings: Settings
) -> None:
    settings.INS_ALLOWED_OIDS = [INS_NIR_OID]
    assert receive("A28", ins_oid=TEST_OID).code == "AA"
    assert (patient().identity_status, active_ins()) == ("VALI", "")
    assert "autorité non admise" in last_warning()


def test_a_wrong_key_is_a_warning_and_the_matricule_is_kept_as_received(receive: Receive) -> None:
    receive("A28", ins="279035121518988")
    assert active_ins() == "279035121518988"
    assert "Clé" in last_warning()


@pytest.mark.parametrize(("birth", "stored"), [("1979", (1979, 12, 31)), ("197903", (1979, 3, 1))])
def test_an_incomplete_birth_date_is_completed_and_flagged(
    receive: Receive, birth: str, stored: tuple[int, int, int]
) -> None:
    receive("A28", birth=birth)
    assert (patient().birth_date, patient().is_birth_date_estimated) == (date(*stored), True)


def test_a_name_out_of_the_profile_is_kept_as_received_with_a_warning(receive: Receive) -> None:
    receive("A28", name="X Æ A-12", given_names="")
    assert patient().birth_name == "X Æ A-12"
    assert patient().birth_given_names == "DOMINIQUE"
    assert "hors du profil" in last_warning() and "Liste des prénoms" in last_warning()


@pytest.mark.parametrize(
    ("fields", "code", "location"),
    [
        ({"name": ""}, "101", "PID^1^5"),
        ({"birth": "19791340"}, "102", "PID^1^7"),
        ({"sex": "X"}, "103", "PID^1^8"),
        ({"ipp": "", "ins": ""}, "101", "PID^1^3"),
        ({"ipp": "", "reliability": "PROV"}, "101", "PID^1^3"),
        ({"recorded": ""}, "101", "EVN^1^2"),
    ],
)
def test_what_is_missing_or_wrong_is_refused_where_it_is(
    receive: Receive, fields: dict[str, str], code: str, location: str
) -> None:
    ack = receive("A28", **fields)
    assert (ack.code, ack.faults[0].code, ack.faults[0].location) == ("AE", code, location)
    assert Patient.objects.count() == 0


# --- Updates -------------------------------------------------------------------------------------
def test_the_same_identity_again_writes_nothing(receive: Receive) -> None:
    receive("A28")
    stamp, traces = patient().identity_stamp, Trace.objects.count()
    receive("A31")
    assert (patient().identity_stamp, Trace.objects.count()) == (stamp, traces)
    assert IdentityEvent.objects.count() == 1


@pytest.mark.requirement("INS/va1.39")
def test_each_change_keeps_the_former_version_and_says_who(receive: Receive) -> None:
    receive("A28", name="ANCIEN", ins="", reliability="PROV")
    told: list[str] = []

    def note(event: IdentityEvent, **_: object) -> None:
        told.append(event.kind)

    identity_changed.connect(note)
    try:
        receive("A31", name="NOUVEAU", reliability="VALI", updated="20240401")
    finally:
        identity_changed.disconnect(note)

    found = patient()
    assert (found.birth_name, found.identity_status, found.search_birth_name) == (
        "NOUVEAU",
        "QUAL",
        "NOUVEAU",
    )
    event = IdentityEvent.objects.last()
    assert event is not None
    assert (event.before["birth_name"], event.after["birth_name"]) == ("ANCIEN", "NOUVEAU")
    assert (event.before["status"], event.after["status"]) == ("PROV", "QUAL")
    assert (event.after["ins_matricule"], event.actor_login) == (INS, "hl7.gam")
    assert found.identity_stamp == 2
    assert told == ["pam.A31"]
    trace = Trace.objects.last()
    assert trace is not None and trace.type == "identity.change"
    assert INS not in str(trace.detail) and "NOUVEAU" not in str(trace.detail)


def test_empty_is_no_information_and_two_quotes_erase(receive: Receive) -> None:
    receive("A28", used="DUBOIS", phone="^PRN^PH^^^^^^^^^0102030405")
    receive("A31", address="", cog="63220", updated="20240401")
    assert (patient().used_name, patient().phone, patient().city) == ("DUBOIS", "0102030405", "PARIS")
    raw_address = '""'
    receive("A31", address=raw_address, cog="", phone='""', updated="20240402")
    assert (patient().city, patient().street, patient().phone) == ("", "", "")
    assert patient().birth_place_cog == "63220"


def test_an_older_version_changes_nothing(receive: Receive) -> None:
    receive("A28", name="JUSTE", updated="20240601")
    assert receive("A31", name="ANCIEN", updated="20240501").code == "AA"
    assert patient().birth_name == "JUSTE"
    assert "antérieur" in last_warning()


def test_without_pid_33_the_date_of_the_event_tells_which_is_older(receive: Receive) -> None:
    for day, name in (("20240601", "UN"), ("20240603", "TROIS"), ("20240602", "DEUX")):
        assert receive("A31", name=name, updated="", recorded=f"{day}100000").code == "AA"
    assert patient().birth_name == "TROIS"


def test_a_version_that_changes_nothing_still_makes_an_older_one_come_too_late(receive: Receive) -> None:
    for day, name in (("20240601", "UN"), ("20240603", "UN"), ("20240602", "DEUX")):
        assert receive("A31", name=name, updated=day).code == "AA"
    assert patient().birth_name == "UN"


def test_an_older_version_does_not_bring_back_a_former_local_identifier(receive: Receive) -> None:
    """The active IPP goes on every document: a message sent again must not change it."""
    held = f"ANCIEN^^^{AUTHORITY}^PI~NEUF^^^{AUTHORITY}^PI"
    receive(adt("A28", ipp="ANCIEN", updated="20240601"))
    both = adt("A31", ipp="ANCIEN", updated="20240602").replace(
        f"ANCIEN^^^{AUTHORITY}^PI".encode(), held.encode()
    )
    receive(both)
    receive(adt("A31", ipp="NEUF", updated="20240603"))
    for day in ("20240601", "20240602"):
        assert receive(adt("A31", ipp="ANCIEN", updated=day)).code == "AA"
        assert "antérieur" in last_warning()
    rows = Identifier.objects.filter(kind="IPP").values_list("value", "is_active")
    assert dict(rows) == {"ANCIEN": False, "NEUF": True}


@pytest.mark.parametrize("dated", ["PID-33", "EVN-2"])
def test_a_date_in_the_future_freezes_no_identity(receive: Receive, dated: str) -> None:
    """A doubt said after it is taken, whatever the clock of the former sender."""
    updated, recorded = ("20990101", "20240306111154") if dated == "PID-33" else ("", "20990101100000")
    receive("A28", updated=updated, recorded=recorded)
    assert "dans le futur" in last_warning()
    assert patient().identity_updated_at <= timezone.now()
    now = timezone.localtime().strftime("%Y%m%d%H%M%S")
    receive("A31", reliability="PROV~DOUT", updated=now)
    assert (patient().identity_status, active_ins()) == ("PROV", "")


def test_a_doubt_takes_the_matricule_to_the_history(receive: Receive) -> None:
    receive("A28")
    receive("A31", reliability="PROV~DOUT", updated="20240401")
    found = patient()
    assert (found.identity_status, found.identity_attributes, active_ins()) == ("PROV", ["DOUT"], "")
    former = Identifier.objects.get(kind="INS")
    assert (former.value, former.oid, former.end_reason) == (INS, TEST_OID, "identité douteuse ou fictive")


def test_a_new_local_identifier_of_an_authority_replaces_the_former(receive: Receive) -> None:
    first = "DOSSIER1^^^ARCHIVES^NDP"
    raw = adt_with_identifier(first)
    receive(raw)
    receive(adt_with_identifier("DOSSIER2^^^ARCHIVES^NDP"))
    rows = Identifier.objects.filter(kind="OTHER").order_by("id").values_list("value", "is_active")
    assert list(rows) == [("DOSSIER1", False), ("DOSSIER2", True)]
    receive(adt_with_identifier(first))
    assert Identifier.objects.get(value="DOSSIER1").is_active


def adt_with_identifier(extra: str) -> bytes:
    return adt("A31").replace(b"^PI~", b"^PI~" + extra.encode() + b"~", 1)


def test_a_former_matricule_of_the_message_is_history(receive: Receive) -> None:
    former = f"181036322045660^^^ASIP-SANTE-INS-NIR&{TEST_OID}&ISO^INS^^20000101^20101207"
    receive(adt_with_identifier(former))
    rows = Identifier.objects.filter(kind="INS").order_by("id").values_list("value", "is_active")
    assert set(rows) == {(INS, True), ("181036322045660", False)}


def test_identifiers_of_two_patients_are_refused(receive: Receive) -> None:
    receive("A28", ipp="1", ins="", reliability="PROV")
    receive("A28", ipp="2", ins="", reliability="PROV")
    raw = adt("A31", ipp="1", ins="", reliability="PROV")
    ack = receive(raw.replace(b"^PI|", f"^PI~2^^^{AUTHORITY}^PI|".encode(), 1))
    assert (ack.code, ack.faults[0].code, ack.faults[0].location) == ("AE", "207", "PID^1^3")


def test_a_known_matricule_alone_finds_its_patient(receive: Receive) -> None:
    receive("A28")
    assert receive("A31", ipp="", used="DUBOIS", updated="20240401").code == "AA"
    assert patient().used_name == "DUBOIS"


def test_one_matricule_on_two_records_suspends_what_leaves(receive: Receive) -> None:
    receive("A28", ipp="1")
    receive("A28", ipp="2")
    assert list(Patient.objects.order_by("id").values_list("is_identity_under_review", flat=True)) == [
        False,
        True,
    ]
    assert "doublon" in last_warning()


# --- Who is master -------------------------------------------------------------------------------
@pytest.fixture
def qualified_here(receive: Receive) -> Patient:
    receive("A28")
    return patient()


@pytest.mark.requirement("INS/va1.39")
def test_an_identity_qualified_here_is_not_downgraded(receive: Receive, qualified_here: Patient) -> None:
    receive("A31", ins="", reliability="PROV", used="DUBOIS", updated="20240401")
    assert (patient().identity_status, active_ins(), patient().used_name) == ("QUAL", INS, "DUBOIS")
    assert "qualifiée localement" in last_warning()


def test_other_traits_without_the_ins_open_a_review(receive: Receive, qualified_here: Patient) -> None:
    receive("A31", ins="", reliability="PROV", name="AUTRE", updated="20240401")
    assert (patient().birth_name, patient().identity_status) == ("PAT-TROIS", "QUAL")
    assert patient().is_identity_under_review
    assert "à réviser" in last_warning()


def test_another_matricule_opens_a_review(receive: Receive, qualified_here: Patient) -> None:
    receive("A31", ins="275126322074974", updated="20240401")
    assert active_ins() == INS
    assert patient().is_identity_under_review


def test_the_same_ins_may_correct_the_traits(receive: Receive, qualified_here: Patient) -> None:
    receive("A31", name="PATTROIS", updated="20240401")
    assert (patient().birth_name, patient().identity_status) == ("PATTROIS", "QUAL")


@pytest.mark.requirement("F-DPI-13")
def test_an_external_repository_is_taken_as_received(receive: Receive, qualified_here: Patient) -> None:
    SwitchFactory(code=Switch.IDENTITY_REPOSITORY)
    receive("A31", ins="", reliability="PROV", name="AUTRE", updated="20240401")
    assert (patient().birth_name, patient().identity_status, active_ins()) == ("AUTRE", "PROV", "")
    assert Identifier.objects.filter(kind="INS", is_active=False).exists()


def test_without_pid_32_the_status_stays(receive: Receive, qualified_here: Patient) -> None:
    receive("A31", reliability="", used="DUBOIS", updated="20240401")
    assert (patient().identity_status, patient().used_name) == ("QUAL", "DUBOIS")


def test_death_is_noted_and_may_be_withdrawn(receive: Receive, qualified_here: Patient) -> None:
    receive(pid_with({29: "20240501", 30: "Y"}, updated="20240501"))
    assert patient().died_at is not None
    receive(pid_with({30: "N"}, updated="20240502"))
    assert patient().died_at is None


def pid_with(values: dict[int, str], *, updated: str) -> bytes:
    lines = adt("A31", updated=updated).split(b"\r")
    fields = lines[2].split(b"|")
    for number, value in values.items():
        fields[number] = value.encode()
    lines[2] = b"|".join(fields)
    return b"\r".join(lines)


def test_a_local_correction_is_kept_against_an_older_message(
    receive: Receive, qualified_here: Patient
) -> None:
    identity_update(
        patient=qualified_here,
        identity=IdentityInput(
            birth_name="PAT-TROIS",
            first_birth_given_name="DOMINIQUE",
            birth_given_names="DOMINIQUE",
            birth_date=date(1979, 3, 28),
            sex="F",
            birth_place_cog="51215",
        ),
        document="CN",
        actor=CLERK,
    )
    receive("A31", updated="20240401")
    assert patient().birth_place_cog == "51215"
    assert patient().identity_status == "VALI"


def test_a_doubt_removed_here_lets_the_next_message_qualify(
    receive: Receive, qualified_here: Patient
) -> None:
    for event in (StatusEvent.DOUBTFUL_SET, StatusEvent.DOUBTFUL_REMOVED):
        identity_event_apply(patient=patient(), event=event, actor=CLERK)
    soon = timezone.localtime() + timedelta(minutes=1)
    receive("A31", updated=f"{soon:%Y%m%d%H%M%S}")
    assert (patient().identity_status, active_ins()) == ("QUAL", INS)
