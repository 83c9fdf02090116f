"""ADT of PAM France: official examples, identity, movements, choices, refusals."""

from datetime import UTC, date, datetime

import pytest

from interop.hl7v2 import AdtMessage, Hl7Error, parse_adt, parse_message
from interop.hl7v2.codes import PAM_EVENTS_WITH_MERGE, PAM_STRUCTURES, ChoiceCode, MovementAction
from interop.hl7v2.datatypes import PARIS, Authority, Organisation
from interop.hl7v2.pam import Choice, Reliability, read_reliability
from interop.ins.codes import INS_NIR_TEST_OID, IdentityStatus
from interop.ins.key import Ins
from tests.interop.hl7v2.official import needs_official, official, official_names, patched

ADMISSION = (
    b"MSH|^~\\&|GAM|CHX|DPI|CHX|20250110094000||ADT^A01^ADT_A01|M1|P|2.5^FRA^2.11|||||FRA|UNICODE UTF-8|FR||"
    b"2.11^IHE_FRANCE-2.11-PAM\r"
    b"EVN||20250110094000||||20250110093000\r"
    b"PID|1||000003^^^CHX&000897406&N^PI~279035121518989^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS||"
    b"D'ARTAGNAN-L'HER^PIERRE^PIERRE ALAIN^^^^L~DUPONT^PIERROT^^^^^D||19830714|M|||"
    b"1 RUE H^BAT B^LYON^^69001^FRA^H^^69123~^^MARSEILLE^^13001^FRA^BDL^^13055||^PRN^PH^^^^^^^^^0102030405~"
    b"^NET^Internet^p@exemple.fr|||M||24000010^^^CHX&000897406&N^AN||||||||||||N|N|VALI|20250110093900\r"
    b"ROL||UC|ODRP|10000023084^AGNES^Isabelle^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^L^^^RPPS\r"
    b"NK1|1|DUPONT^ANNE^^^^^D|SPO^Conjoint^HL70063||^PRN^PH^^^^^^^^^0605040302||K\r"
    b"PV1|1|I|6268^12^1^CHX&000897406&N^O|R|24000011^^^CHX^PA||899700900014^HODA^Alice^^^^^^ASIP-SANTE-PS&"
    b"1.2.250.1.71.4.2.1&ISO^D^^^IDNPS||||||||||||25000042^^^CHX&000897406&N^VN|||||||||||||||||||||||||"
    b"20250110093000\r"
    b"PV2||||||||20250110090000|20250114|||Bilan\r"
    b"ZBE|501^CHX^000897406~77^RI^1.2.3^ISO|20250110093000||INSERT|N||Cardio^^^^^CHX&000897406&N^UF^^^3435||HMS\r"
    b"ZFA|ACTIF|20250110093500|||||||IO|20250110093500|INC|20250110093500\r"
    b"ZFM|8|||\r"
    b"ZFD|||N|N|INSI|20250109|CN|20330101\r"
)


def adt(*changes: tuple[bytes, bytes], raw: bytes = ADMISSION) -> AdtMessage:
    return parse_adt(parse_message(patched(raw, *changes)))


def event_message(event: str, raw: bytes = ADMISSION) -> bytes:
    return patched(raw, (b"ADT^A01^ADT_A01", f"ADT^{event}^{PAM_STRUCTURES[event]}".encode()))


def without(name: bytes, raw: bytes = ADMISSION) -> bytes:
    lines = [line for line in raw.split(b"\r") if line and not line.startswith(name)]
    return b"".join(line + b"\r" for line in lines)


CHOICES = {
    "ConsentementConsultation_NonOppositionAlimentation.er7": (ChoiceCode.NOT_OPPOSED, ChoiceCode.CONSENTS),
    "NonConsentementConsultation_NonOppositionAlimentation.er7": (
        ChoiceCode.NOT_OPPOSED,
        ChoiceCode.DOES_NOT_CONSENT,
    ),
    "NonConsentementConsultation_OppositionAlimentation.er7": (
        ChoiceCode.OPPOSED,
        ChoiceCode.DOES_NOT_CONSENT,
    ),
    "NonRecueillieConsentementConsultation_NonOppositionAlimentation.er7": (
        ChoiceCode.NOT_OPPOSED,
        ChoiceCode.NOT_COLLECTED,
    ),
}


@needs_official
@pytest.mark.requirement("SC.DMP/CONF.13")
@pytest.mark.parametrize(("name", "expected"), CHOICES.items())
def test_the_official_admissions_carry_both_choices(
    name: str, expected: tuple[ChoiceCode, ChoiceCode]
) -> None:
    parsed = parse_adt(parse_message(official(f"pam_consent/{name}")))
    choices = parsed.choices
    assert choices is not None and choices.alimentation is not None and choices.consultation is not None
    assert (choices.alimentation.value, choices.consultation.value) == expected
    assert choices.dmp_status == "ACTIF"
    assert choices.alimentation.collected_at == parsed.header.sent_at
    assert (choices.consultation.collected_at is None) == (expected[1] == ChoiceCode.NOT_COLLECTED)


@needs_official
@pytest.mark.requirement("SC.DMP/CONF.13")
@pytest.mark.parametrize("name", official_names("pam_*/*"))
def test_the_official_admissions_carry_identity_visit_and_movement(name: str) -> None:
    parsed = parse_adt(parse_message(official(name)))
    identity, visit, movement = parsed.identity, parsed.visit, parsed.movement
    assert identity.ins == Ins("279035121518989", INS_NIR_TEST_OID)
    assert identity.ins_starts == date(2010, 12, 7)
    assert identity.ipp is not None and identity.ipp.value == "000003"
    assert (identity.birth_name, identity.birth_given_names) == ("PAT-TROIS", "DOMINIQUE")
    assert (identity.birth_date, identity.sex, identity.birth_place_code) == (date(1979, 3, 28), "F", "63220")
    assert identity.address is not None and identity.address.postcode == "75007"
    assert identity.reliability.status == IdentityStatus.QUALIFIED
    assert visit is not None and visit.patient_class == "I"
    assert visit.number is not None and visit.number.type == "VN"
    assert visit.account is not None and visit.account.type == "AN"
    assert visit.location.facility.universal_id == "000897406"
    assert movement is not None and movement.action == MovementAction.INSERT
    assert movement.medical_unit is not None and movement.medical_unit.identifier == "6268"
    assert movement.nature == "HMS"
    assert parsed.warnings == ()
    assert parsed.header.profile == "IHE_FRANCE-2.11-PAM"


@needs_official
def test_the_fullest_official_admission_carries_the_referring_physician() -> None:
    parsed = parse_adt(
        parse_message(official("pam_consent/ConsentementConsultation_NonOppositionAlimentation.er7"))
    )
    assert parsed.referring_physician is not None
    assert parsed.referring_physician.identifier == "10000023084"
    assert parsed.referring_physician.identifier_type == "RPPS"
    assert parsed.proof is not None and parsed.proof.mode == "INSI"
    assert parsed.proof.insi_queried_on == date(2021, 12, 1)
    assert parsed.pmsi is not None and parsed.pmsi.entry_mode == "8"
    assert parsed.visit is not None and parsed.visit.attending[0].family == "Réault"
    assert parsed.visit.expected_discharge_at == datetime(2024, 3, 10, 8, tzinfo=PARIS)


def test_an_admission_is_read_whole() -> None:
    parsed = adt()
    identity, visit, movement = parsed.identity, parsed.visit, parsed.movement
    assert (identity.used_name, identity.used_given_name) == ("DUPONT", "PIERROT")
    assert identity.first_birth_given_name == "PIERRE"
    assert (identity.birth_place_code, identity.birth_place_name) == ("13055", "MARSEILLE")
    assert identity.address is not None and identity.address.complement == "BAT B"
    assert [telecom.number or telecom.address for telecom in identity.telecoms] == [
        "0102030405",
        "p@exemple.fr",
    ]
    assert identity.traits.birth_date == "19830714"
    assert parsed.recorded_at == datetime(2025, 1, 10, 8, 40, tzinfo=UTC)
    assert parsed.occurred_at == datetime(2025, 1, 10, 8, 30, tzinfo=UTC)
    assert parsed.contacts[0].role == "K"
    assert parsed.contacts[0].relationship.code == "SPO"
    assert parsed.contacts[0].name.family == "DUPONT"
    assert visit is not None and movement is not None
    assert (visit.location.point_of_care, visit.location.room, visit.location.bed) == ("6268", "12", "1")
    assert visit.preadmission_number is not None and visit.preadmission_number.value == "24000011"
    assert visit.admitted_at == parsed.occurred_at
    assert visit.description == "Bilan"
    unit = Organisation("Cardio", Authority("CHX", "000897406", "N"), "UF", "3435")
    assert (movement.medical_unit, movement.nursing_unit) == (unit, unit)
    assert [found.value for found in movement.ids] == ["501", "77"]
    assert not movement.historic
    assert parsed.proof is not None and parsed.proof.document_expires_on == date(2033, 1, 1)


def test_the_same_bytes_give_the_same_value() -> None:
    assert adt() == adt()


@pytest.mark.parametrize("event", sorted(set(PAM_STRUCTURES) - PAM_EVENTS_WITH_MERGE - {"A24", "A37", "Z99"}))
def test_every_french_event_is_understood(event: str) -> None:
    parsed = parse_adt(parse_message(event_message(event)))
    assert parsed.event == event
    assert parsed.identity.birth_name == "D'ARTAGNAN-L'HER"


@pytest.mark.parametrize("event", ["A23", "A29", "A34", "A35", "A36", "A50", "A51", "B01", ""])
def test_an_event_that_is_not_french_is_refused(event: str) -> None:
    with pytest.raises(Hl7Error) as refused:
        adt((b"ADT^A01^ADT_A01", f"ADT^{event}".encode()))
    assert (refused.value.code, refused.value.location) == ("201", "MSH^1^9^1^2")


def test_an_identity_update_carries_no_visit() -> None:
    raw = without(b"ZBE", without(b"PV2", event_message("A31")))
    lines = [b"PV1|1|N" if line.startswith(b"PV1") else line for line in raw.split(b"\r")]
    parsed = parse_adt(parse_message(b"\r".join(lines)))
    assert parsed.visit is None and parsed.movement is None
    assert parsed.choices is not None


def test_an_identity_update_without_pv1_is_tolerated() -> None:
    assert parse_adt(parse_message(without(b"PV1", event_message("A31")))).visit is None


def test_an_update_of_a_movement_names_its_original_event() -> None:
    changes = ((b"|INSERT|N||", b"|UPDATE|Y|A02|"),)
    movement = adt(*changes, raw=event_message("Z99")).movement
    assert movement is not None
    assert (movement.action, movement.historic, movement.original_event) == ("UPDATE", True, "A02")


def test_an_excluded_a08_is_read_as_an_update_without_movement() -> None:
    parsed = parse_adt(parse_message(event_message("A08")))
    assert parsed.movement is None and parsed.visit is not None
    assert any("A08" in warning for warning in parsed.warnings)


def test_the_cancel_form_of_a06_is_told_by_zbe_4() -> None:
    movement = adt((b"|INSERT|N||", b"|CANCEL|N|A07|"), raw=event_message("A06")).movement
    assert movement is not None and movement.action == MovementAction.CANCEL


def test_a_merge_names_survivor_and_retired_identifiers() -> None:
    raw = without(b"ZBE", without(b"PV1", event_message("A40")))
    ins = b"279035121518989^^^X&1.2.250.1.213.1.4.10&ISO^INS"
    raw += b"MRG|000009^^^CHX&000897406&N^PI~" + ins + b"||24000001^^^CHX^AN\r"
    merge = parse_adt(parse_message(raw)).merges[0]
    assert merge.identity.ipp is not None and merge.identity.ipp.value == "000003"
    assert [found.value for found in merge.retired] == ["000009"]
    assert merge.retired_inses[0].ins == Ins("279035121518989", INS_NIR_TEST_OID)
    assert merge.retired_account is not None and merge.retired_account.value == "24000001"


def test_several_account_moves_travel_in_one_message() -> None:
    head = without(b"PID", without(b"ZBE", without(b"PV1", event_message("A44"))))
    pid = next(line for line in ADMISSION.split(b"\r") if line.startswith(b"PID"))
    group = pid + b"\rMRG|00000%d^^^CHX&000897406&N^PI||2400000%d^^^CHX^AN\r"
    parsed = parse_adt(parse_message(head + group % (1, 1) + group % (2, 2)))
    assert [merge.retired[0].value for merge in parsed.merges] == ["000001", "000002"]


def test_a_link_names_two_patients() -> None:
    raw = event_message("A24") + b"PID|2||000099^^^CHX&000897406&N^PI||AUTRE^JEAN^JEAN^^^^L\r"
    linked = parse_adt(parse_message(raw)).linked
    assert linked is not None and linked.birth_name == "AUTRE"
    with pytest.raises(Hl7Error) as refused:
        parse_adt(parse_message(event_message("A24")))
    assert (refused.value.code, refused.value.location) == ("100", "PID^2")


@pytest.mark.parametrize(
    ("values", "has_ins", "status", "closed"),
    [
        (("QUAL",), True, IdentityStatus.QUALIFIED, False),
        (("QUAL",), False, IdentityStatus.VALIDATED, False),
        (("VALI",), True, IdentityStatus.QUALIFIED, False),
        (("VALI",), False, IdentityStatus.VALIDATED, False),
        (("RECUP",), True, IdentityStatus.RECOVERED, False),
        (("RECUP",), False, IdentityStatus.PROVISIONAL, False),
        (("PROV",), True, IdentityStatus.RECOVERED, False),
        (("VIDE",), True, IdentityStatus.RECOVERED, False),
        ((), True, IdentityStatus.RECOVERED, False),
        (("PROV",), False, IdentityStatus.PROVISIONAL, False),
        ((), False, IdentityStatus.PROVISIONAL, False),
        (("VALI", "DOUT"), True, IdentityStatus.PROVISIONAL, False),
        (("PROV", "FICT"), True, IdentityStatus.PROVISIONAL, False),
        (("VALI", "DOUB"), True, IdentityStatus.QUALIFIED, True),
        (("DESA",), False, IdentityStatus.PROVISIONAL, True),
        (("INVA",), False, IdentityStatus.PROVISIONAL, True),
        (("USUR",), True, IdentityStatus.RECOVERED, True),
    ],
)
@pytest.mark.requirement("INS/va1.56")
def test_the_reliability_of_an_identity_gives_its_status(
    values: tuple[str, ...], has_ins: bool, status: IdentityStatus, closed: bool
) -> None:
    found = read_reliability(values, has_ins=has_ins)
    assert (found.values, found.status, found.closed) == (values, status, closed)


def test_attributes_of_the_identity_are_kept() -> None:
    identity = adt((b"|VALI|", b"|VALI~HOMD~IDVER|")).identity
    assert identity.reliability == Reliability(
        ("VALI", "HOMD", "IDVER"), IdentityStatus.QUALIFIED, frozenset({"HOMD"})
    )


def test_a_setting_may_distrust_more_codes() -> None:
    raw = patched(ADMISSION, (b"|VALI|", b"|VALI~ANOM|"))
    trusted = parse_adt(parse_message(raw)).identity.reliability.status
    distrusted = parse_adt(parse_message(raw), untrusted=frozenset({"ANOM"})).identity.reliability.status
    assert (trusted, distrusted) == (IdentityStatus.QUALIFIED, IdentityStatus.PROVISIONAL)


def test_the_oid_decides_what_is_an_ins() -> None:
    identity = adt(
        (b"ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS", b"WHATEVER&1.2.250.1.213.1.4.9&ISO^INS")
    ).identity
    assert identity.ins is not None and identity.ins.oid == "1.2.250.1.213.1.4.9"
    parsed = adt((b"1.2.250.1.213.1.4.10", b"1.2.3"))
    assert parsed.identity.ins is None
    assert parsed.identity.reliability.status == IdentityStatus.VALIDATED
    assert len(parsed.warnings) == 1


@pytest.mark.parametrize("change", [(b"^INS|", b"^INS-C|"), (b"213.1.4.10", b"213.1.4.2")])
def test_the_former_calculated_ins_is_ignored(change: tuple[bytes, bytes]) -> None:
    identity = adt(change).identity
    assert identity.ins is None
    assert [found.type for found in identity.identifiers] == ["PI"]


def test_the_current_ins_has_no_end_and_the_latest_start() -> None:
    repeated = b"ISO^INS^^20200101^20210101~279035121518989^^^N&1.2.250.1.213.1.4.8&ISO^INS^^20210101||"
    identity = adt((b"ISO^INS||", repeated)).identity
    assert identity.ins == Ins("279035121518989", "1.2.250.1.213.1.4.8")
    assert [former.ins.oid for former in identity.former_inses] == [INS_NIR_TEST_OID]
    assert identity.former_inses[0].ends == date(2021, 1, 1)


def test_a_wrong_key_of_the_matricule_is_a_warning() -> None:
    parsed = adt((b"279035121518989", b"279035121518900"))
    assert parsed.identity.ins is not None
    assert len(parsed.warnings) == 1


@pytest.mark.parametrize(
    ("sent", "day", "incomplete"),
    [
        (b"19830714", date(1983, 7, 14), False),
        (b"198307141230", date(1983, 7, 14), False),
        (b"198307", date(1983, 7, 1), True),
        (b"19830700", date(1983, 7, 1), True),
        (b"1983", date(1983, 12, 31), True),
        (b"19830000", date(1983, 12, 31), True),
        (b"", None, False),
    ],
)
def test_an_incomplete_birth_date_is_completed(sent: bytes, day: date | None, incomplete: bool) -> None:
    identity = adt((b"|19830714|", b"|" + sent + b"|")).identity
    assert (identity.birth_date, identity.birth_date_incomplete) == (day, incomplete)


def test_an_older_sex_code_is_read_unknown_with_a_warning() -> None:
    parsed = adt((b"|19830714|M|", b"|19830714|O|"))
    assert (parsed.identity.sex, parsed.identity.traits.sex) == ("U", "I")
    assert len(parsed.warnings) == 1


def test_two_double_quotes_ask_for_a_deletion() -> None:
    parsed = adt(
        (b"|19830714|M|", b'|""|""|'),
        (b"25000042^^^CHX&000897406&N^VN|||||||||||||||||||||||||20250110093000", b"25" + b"|" * 25 + b'""'),
        (b"IO|20250110093500|INC", b'""||INC'),
    )
    assert parsed.identity.birth_date is None and parsed.identity.sex == ""
    assert parsed.identity.deleted == {"birth_date", "sex"}
    assert parsed.visit is not None and parsed.visit.deleted == {"admitted_at"}
    assert parsed.choices is not None
    assert parsed.choices.alimentation == Choice(None)
    assert parsed.choices.alimentation.is_reset


def test_an_empty_choice_says_nothing() -> None:
    choices = adt((b"|IO|20250110093500|INC|20250110093500", b"|IO|20250110093500")).choices
    assert choices is not None and choices.consultation is None
    assert adt(raw=without(b"ZFA")).choices is None


@pytest.mark.requirement("SC.DMP/CONF.13")
@pytest.mark.parametrize(
    ("code", "other", "field"), [(b"|IO|", b"|OUI|", "alimentation"), (b"|INC|", b"|INO|", "consultation")]
)
def test_an_unknown_choice_code_is_no_information_and_a_warning(
    code: bytes, other: bytes, field: str
) -> None:
    read = adt(raw=patched(ADMISSION, (code, other)))
    assert read.choices is not None
    assert getattr(read.choices, field) is None
    assert any("code inconnu" in warning for warning in read.warnings)


def test_a_received_offset_is_honoured() -> None:
    parsed = adt((b"EVN||20250110094000|", b"EVN||20250110094000+0400|"))
    assert parsed.recorded_at == datetime(2025, 1, 10, 5, 40, tzinfo=UTC)


def test_unknown_segments_and_trailing_fields_are_ignored() -> None:
    parsed = parse_adt(parse_message(ADMISSION + b"ZXX|1|2\rIN1|1\r"))
    assert parsed == adt()
    order = without(b"ZBE") + next(line for line in ADMISSION.split(b"\r") if line.startswith(b"ZBE")) + b"\r"
    assert parse_adt(parse_message(order)) == adt()


def test_forbidden_fields_are_never_kept() -> None:
    pid = next(line for line in ADMISSION.split(b"\r") if line.startswith(b"PID")).split(b"|")
    for number, secret in ((10, b"RACE"), (17, b"RELIGION"), (22, b"ETHNIC")):
        pid[number] = secret
    lines = [b"|".join(pid) if line.startswith(b"PID") else line for line in ADMISSION.split(b"\r")]
    parsed = parse_adt(parse_message(b"\r".join(lines)))
    assert parsed == adt()


def test_an_older_french_extension_is_read_with_a_warning() -> None:
    parsed = adt((b"2.5^FRA^2.11", b"2.5^FRA^2.9"), (b"||2.11^IHE_FRANCE-2.11-PAM", b""))
    assert len(parsed.warnings) == 1


REFUSALS: list[tuple[bytes, str, str]] = [
    (patched(ADMISSION, (b"ADT^A01^ADT_A01", b"SIU^S12")), "200", "MSH^1^9"),
    (patched(ADMISSION, (b"2.5^FRA^2.11", b"2.3")), "203", "MSH^1^12"),
    (patched(ADMISSION, (b"|P|2.5", b"|X|2.5")), "202", "MSH^1^11"),
    (patched(ADMISSION, (b"|M1|", b"||")), "101", "MSH^1^10"),
    (without(b"EVN"), "100", "EVN^1"),
    (patched(ADMISSION, (b"EVN||20250110094000", b"EVN||")), "101", "EVN^1^2"),
    (patched(ADMISSION, (b"EVN||20250110094000", b"EVN||hier")), "102", "EVN^1^2"),
    (patched(ADMISSION, (b"EVN||20250110094000", b"EVN||20251310")), "102", "EVN^1^2"),
    (without(b"PID"), "100", "PID^1"),
    (patched(ADMISSION, (b"PID|1||000003^", b"PID|1||^"), (b"~279035121518989", b"~")), "101", "PID^1^3"),
    (patched(ADMISSION, (b"^^^^L~", b"^^^^S~")), "101", "PID^1^5"),
    (patched(ADMISSION, (b"|19830714|", b"|19831340|")), "102", "PID^1^7"),
    (patched(ADMISSION, (b"|19830714|", b"|inconnue|")), "102", "PID^1^7"),
    (patched(ADMISSION, (b"|19830714|", b"|00000000|")), "102", "PID^1^7"),
    (patched(ADMISSION, (b"|19830714|M|", b"|19830714|X|")), "103", "PID^1^8"),
    (without(b"PV1"), "100", "PV1^1"),
    (patched(ADMISSION, (b"PV1|1|I|", b"PV1|1||")), "101", "PV1^1^2"),
    (patched(ADMISSION, (b"PV1|1|I|", b"PV1|1|Q|")), "103", "PV1^1^2"),
    (
        patched(ADMISSION, (b"25000042^", b"^"), (b"24000010^", b"^")),
        "101",
        "PV1^1^19",
    ),
    (without(b"ZBE"), "100", "ZBE^1"),
    (patched(ADMISSION, (b"ZBE|501^CHX^000897406~77^RI^1.2.3^ISO|", b"ZBE||")), "101", "ZBE^1^1"),
    (patched(ADMISSION, (b"ISO|20250110093000||INSERT", b"ISO|||INSERT")), "101", "ZBE^1^2"),
    (patched(ADMISSION, (b"|INSERT|", b"|ADD|")), "103", "ZBE^1^4"),
    (patched(ADMISSION, (b"|INSERT|N|", b"|INSERT|O|")), "103", "ZBE^1^5"),
    (patched(ADMISSION, (b"|INSERT|N|", b"|INSERT||")), "101", "ZBE^1^5"),
    (patched(ADMISSION, (b"|INSERT|N|", b"|CANCEL|N|")), "101", "ZBE^1^6"),
    (event_message("Z99"), "199", "ZBE^1^4"),
    (ADMISSION + b"PID|2||000099^^^CHX^PI||AUTRE^^^^^^L\r", "198", "PID^2"),
    (ADMISSION + b"ZBE|502^CHX|20250110||INSERT|N||||H\r", "198", "ZBE^2"),
    (patched(ADMISSION, (b"|IO|20250110093500", b"|IO|demain")), "102", "ZFA^1^10"),
    (event_message("A40"), "100", "MRG^1"),
    (event_message("A40") + b"MRG|\r", "101", "MRG^1^1"),
    (event_message("A44") + b"MRG|1^^^CHX^PI\rPID|2||9^^^CHX^PI||N^^^^^^L\r", "100", "MRG^2"),
]


@pytest.mark.parametrize(("raw", "code", "location"), REFUSALS, ids=range(len(REFUSALS)))
def test_a_malformed_adt_is_refused_with_its_code_and_place(raw: bytes, code: str, location: str) -> None:
    with pytest.raises(Hl7Error) as refused:
        parse_adt(parse_message(raw))
    assert (refused.value.code, refused.value.location) == (code, location)


def test_the_texts_of_a_refusal_never_quote_the_message() -> None:
    for raw, _, _ in REFUSALS:
        with pytest.raises(Hl7Error) as refused:
            parse_adt(parse_message(raw))
        for value in ("ARTAGNAN", "27903512", "hier", "OUI", "demain"):
            assert value not in str(refused.value)


def test_a_processing_mode_not_accepted_here_is_refused() -> None:
    with pytest.raises(Hl7Error) as refused:
        parse_adt(parse_message(patched(ADMISSION, (b"|P|2.5", b"|T|2.5"))), processing_ids=frozenset("P"))
    assert refused.value.code == "202"
