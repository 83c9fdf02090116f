"""ADT that we write: they read back the same, whatever the event and the text."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.hl7v2 import AdtMessage, build_adt, parse_adt, parse_message
from interop.hl7v2.codes import PAM_EVENTS_WITH_MOVEMENT, PAM_STRUCTURES, ChoiceCode, MovementAction
from interop.hl7v2.datatypes import PARIS, Authority, Identifier, Person, parse_time, write_time
from interop.hl7v2.pam import Choice, DatedIns, DmpChoices, Merge, adt_header, read_reliability
from interop.ins.codes import INS_NIA_OID, IdentityStatus
from interop.ins.key import Ins
from tests.interop.hl7v2.official import GOLDEN
from tests.interop.hl7v2.samples import DPI, GAM, HOSPITAL, INS, SENT_AT, admission, patient, visit


def reread(adt: AdtMessage) -> AdtMessage:
    return parse_adt(parse_message(build_adt(adt)))


def without_visit(event: str, **changes: Any) -> AdtMessage:
    header = adt_header(sender=GAM, receiver=DPI, control_id="M2", sent_at=SENT_AT, event=event)
    return AdtMessage(
        **{"header": header, "event": event, "recorded_at": SENT_AT, "identity": patient()} | changes
    )


@pytest.mark.parametrize("event", sorted(PAM_EVENTS_WITH_MOVEMENT))
def test_a_movement_event_reads_back_the_same(event: str) -> None:
    assert reread(admission(event)) == admission(event)


@pytest.mark.parametrize("event", ["A28", "A31"])
def test_an_identity_event_reads_back_the_same(event: str) -> None:
    choices = DmpChoices(alimentation=Choice(ChoiceCode.OPPOSED, SENT_AT), consultation=Choice(None))
    sent = without_visit(event, choices=choices)
    assert reread(sent) == sent
    assert parse_message(build_adt(sent)).get("PV1-2") == "N"


@pytest.mark.parametrize("name", ["admission", "update"])
def test_the_bytes_of_an_adt_are_those_of_the_golden_file(name: str) -> None:
    raw = build_adt(admission() if name == "admission" else admission("Z99"))
    assert raw == (GOLDEN / f"adt_{name}.er7").read_bytes().replace(b"\n", b"\r")


def test_the_header_is_that_of_pam_france() -> None:
    msh = parse_message(build_adt(admission())).msh
    assert msh.field(9) == "ADT^A01^ADT_A01"
    assert msh.field(12) == "2.5^FRA^2.11"
    assert msh.field(19) == "FR"
    assert msh.field(21) == "2.11^IHE_FRANCE-2.11-PAM"


@pytest.mark.parametrize(
    ("codes", "has_ins", "status"),
    [
        (("PROV",), False, IdentityStatus.PROVISIONAL),
        (("PROV",), True, IdentityStatus.RECOVERED),
        (("VALI",), False, IdentityStatus.VALIDATED),
        (("VALI",), True, IdentityStatus.QUALIFIED),
        (("PROV", "FICT"), False, IdentityStatus.PROVISIONAL),
    ],
)
def test_the_four_statuses_travel_in_pid_32(
    codes: tuple[str, ...], has_ins: bool, status: IdentityStatus
) -> None:
    identity = patient(ins=INS if has_ins else None, reliability=read_reliability(codes, has_ins=has_ins))
    found = reread(admission(identity=identity)).identity
    assert found == identity
    assert found.reliability.status is status


def test_an_identity_travels_whole() -> None:
    identity = patient(
        ins_starts=date(2021, 1, 1),
        former_inses=(DatedIns(Ins("279035121518989", INS_NIA_OID), date(2019, 1, 1), date(2020, 12, 31)),),
        identifiers=(
            Identifier("1", HOSPITAL, "PI"),
            Identifier("2", Authority("RI", "1.2.3", "ISO"), "RRI"),
        ),
        birth_place_country="FRA",
        marital_status="M",
        mother_identifier=Identifier("77", HOSPITAL, "PI"),
        multiple_birth=True,
        birth_order="2",
        death_at=SENT_AT,
        deceased=True,
        unknown=False,
        updated_at=SENT_AT,
    )
    assert reread(admission(identity=identity)).identity == identity


@pytest.mark.parametrize("day", [date(1979, 12, 31), date(1979, 3, 1)])
def test_an_incomplete_birth_date_leaves_as_it_came(day: date) -> None:
    identity = patient(birth_date=day, birth_date_incomplete=True)
    assert reread(admission(identity=identity)).identity == identity


def test_deletions_travel() -> None:
    identity = patient(birth_date=None, sex="", deleted=frozenset({"birth_date", "sex", "death_at"}))
    stay = replace(visit(), discharged_at=None, deleted=frozenset({"discharged_at", "description"}))
    sent = admission(identity=identity, visit=stay)
    assert reread(sent) == sent


def test_a_merge_reads_back_the_same() -> None:
    identity = patient(account=None)
    merge = Merge(
        identity=identity,
        retired=(Identifier("000009", HOSPITAL, "PI"),),
        retired_inses=(DatedIns(INS),),
        retired_account=Identifier("1", HOSPITAL, "AN"),
        retired_visit=Identifier("2", HOSPITAL, "VN"),
    )
    for event in ("A40", "A44", "A47", "A49"):
        sent = without_visit(event, identity=identity, merges=(merge,))
        assert reread(sent) == sent


def test_a_link_reads_back_the_same() -> None:
    linked = patient(birth_name="AUTRE", identifiers=(Identifier("000099", HOSPITAL, "PI"),))
    for event in ("A24", "A37"):
        sent = without_visit(event, linked=linked)
        assert reread(sent) == sent


def test_event_details_travel() -> None:
    sent = admission(
        "A05",
        planned_at=SENT_AT,
        occurred_at=None,
        operator=Person("U12", "DURAND", "Zoé"),
        facility=Authority("CHX", "990000101", "N"),
    )
    assert reread(sent) == sent


@pytest.mark.parametrize(
    "broken",
    [
        admission(movement=None),
        admission(visit=None),
        without_visit("A31", movement=admission().movement),
        without_visit("A40"),
        without_visit("A24"),
        without_visit("A31", linked=patient()),
        without_visit("A31", merges=(Merge(patient(), (Identifier("1"),)),)),
        replace(admission(), event="A04"),
        replace(admission(), identity=patient(birth_name="")),
    ],
)
def test_an_adt_that_contradicts_itself_is_not_built(broken: AdtMessage) -> None:
    with pytest.raises(ValueError):
        build_adt(broken)


def test_an_event_that_is_not_french_has_no_header() -> None:
    with pytest.raises(KeyError):
        adt_header(sender=GAM, receiver=DPI, control_id="1", sent_at=SENT_AT, event="A23")
    assert set(PAM_STRUCTURES) >= PAM_EVENTS_WITH_MOVEMENT


printable = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20
).filter(lambda text: text != '""')
moments = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


def is_plain(moment: datetime) -> bool:
    """Whether local time tells the instant: not in the hour that autumn repeats."""
    return moment.astimezone(PARIS).fold == 0 and (moment + timedelta(hours=1)).astimezone(PARIS).fold == 0


@given(printable, printable, printable, moments.filter(is_plain), st.sampled_from(list(ChoiceCode)[:2]))
def test_any_admission_reads_back_the_same(
    name: str, bed: str, unit: str, moment: datetime, choice: ChoiceCode
) -> None:
    base = admission()
    assert base.visit is not None and base.movement is not None and base.movement.medical_unit is not None
    sent = admission(
        identity=patient(birth_name=name, used_given_name=unit),
        visit=replace(base.visit, location=replace(base.visit.location, bed=bed), admitted_at=moment),
        movement=replace(
            base.movement,
            started_at=moment,
            action=MovementAction.INSERT,
            medical_unit=replace(base.movement.medical_unit, name=unit),
        ),
        choices=DmpChoices(alimentation=Choice(choice, moment)),
    )
    assert reread(sent) == sent


@given(moments)
def test_local_time_without_offset_loses_nothing_but_the_repeated_hour(moment: datetime) -> None:
    back = parse_time(write_time(moment))
    assert back is not None
    assert back == moment if is_plain(moment) else abs(back - moment) <= timedelta(hours=1)


def test_a_naive_time_is_never_written() -> None:
    with pytest.raises(ValueError):
        write_time(datetime(2025, 1, 1))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025", datetime(2025, 1, 1, tzinfo=PARIS)),
        ("202507", datetime(2025, 7, 1, tzinfo=PARIS)),
        ("20250714", datetime(2025, 7, 14, tzinfo=PARIS)),
        ("2025071408", datetime(2025, 7, 14, 8, tzinfo=PARIS)),
        ("202507140830", datetime(2025, 7, 14, 6, 30, tzinfo=UTC)),
        ("20250714083015.1234", datetime(2025, 7, 14, 6, 30, 15, 123400, tzinfo=UTC)),
        ("20250714083000-0500", datetime(2025, 7, 14, 13, 30, tzinfo=UTC)),
        ("20250714083000+2500", None),
        ("20250229", None),
        ("2025-07-14", None),
        ("20250714 0830", None),
        ("٢٠٢٥", None),
        ("00010101", None),
        ("99991231235959-1200", None),
        ("", None),
    ],
)
def test_date_times_of_every_precision_are_read(text: str, moment: datetime | None) -> None:
    assert parse_time(text) == moment
