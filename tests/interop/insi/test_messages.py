"""The téléservice INSi on the wire: what is asked, what is read, what is refused (spec ins 11, 15, 17.4)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from lxml import etree

from interop.ins.codes import InsNature
from interop.ins.key import Ins, matricule_fault
from interop.ins.traits import Trait
from interop.insi import codes
from interop.insi.answer import Result, parse_error, parse_result
from interop.insi.codes import ResultCode
from interop.insi.request import (
    Caller,
    Marks,
    Search,
    SearchRefused,
    build_request,
    build_search,
    search_of,
)
from interop.soap import codes as soap
from interop.soap.envelope import parse_envelope
from interop.soap.errors import SoapError, SoapFault
from interop.xml import parse_xml
from tests.interop.insi import samples

CALLER = Caller("1990000010", "1234567890", "DPI", "1.0", "5f0c6a2e-0000-4000-8000-000000000001")
MARKS = Marks("bam-1", "lps-1", "uuid:1", datetime(2026, 1, 1, tzinfo=UTC))
TRAITS: dict[str, Any] = {
    "birth_name": "ADRTROIS",
    "given_names": ("DOMINIQUE",),
    "sex": "F",
    "birth_date": date(1997, 2, 26),
}
BAM, LPS, WSA = f"{{{codes.NS_BAM}}}", f"{{{codes.NS_LPS}}}", f"{{{soap.NS_WSA}}}"


def read(data: bytes) -> Result:
    return parse_result(parse_envelope(data).body)


def names(element: etree._Element) -> list[str]:
    return [etree.QName(child).localname for child in element]


# --- The request --------------------------------------------------------------------------------------


def test_the_body_holds_the_traits_in_the_order_of_the_schema() -> None:
    search = search_of(**TRAITS | {"given_names": ("Dominique", "Marie")}, birth_place_cog="2A020")

    body = build_search(search)

    assert body.tag == "{http://www.cnamts.fr/INSiRecSans}RECSANSVITALE"
    assert [(etree.QName(child).localname, child.text) for child in body] == [
        ("NomNaissance", "ADRTROIS"),
        ("Prenom", "DOMINIQUE"),
        ("Prenom", "MARIE"),
        ("Sexe", "F"),
        ("DateNaissance", "1997-02-26"),
        ("LieuNaissance", "2A020"),
    ]
    assert {etree.QName(child).namespace for child in body} == {codes.NS_SEARCH}


def test_the_birth_place_is_left_out_when_it_is_not_asked_for() -> None:
    assert names(build_search(search_of(**TRAITS)))[-1] == "DateNaissance"


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({"birth_name": "Müller"}, "MULLER"),
        ({"birth_name": "O’Brien"}, "O'BRIEN"),
        ({"birth_name": "A--B"}, "A--B"),
        ({"birth_name": "De Vinci"}, "DE VINCI"),
        ({"birth_name": "LEFÈVRE-ŒUVRARD"}, "LEFEVRE-OEUVRARD"),
    ],
)
def test_names_leave_in_the_lexical_profile(change: dict[str, str], sent: str) -> None:
    assert build_search(search_of(**TRAITS | change))[0].text == sent


@pytest.mark.parametrize(
    ("change", "trait"),
    [
        ({"birth_name": " -X"}, Trait.BIRTH_NAME),
        ({"birth_name": ""}, Trait.BIRTH_NAME),
        ({"birth_name": "A" * 101}, Trait.BIRTH_NAME),
        ({"given_names": ("Jean2",)}, Trait.BIRTH_GIVEN_NAMES),
        ({"given_names": ("A--B",)}, Trait.BIRTH_GIVEN_NAMES),
        ({"given_names": ()}, Trait.BIRTH_GIVEN_NAMES),
        ({"sex": "I"}, Trait.SEX),
        ({"birth_place_cog": "6322"}, Trait.BIRTH_PLACE_COG),
    ],
)
def test_traits_that_insi_would_refuse_never_leave(change: dict[str, Any], trait: Trait) -> None:
    with pytest.raises(SearchRefused) as refused:
        search_of(**TRAITS | change)

    assert refused.value.trait is trait


@pytest.mark.parametrize("change", [{"birth_name": "Adrtrois"}, {"given_names": ("ZOÉ",)}])
def test_a_search_out_of_the_profile_cannot_even_be_made(change: dict[str, Any]) -> None:
    with pytest.raises(SearchRefused):
        Search(**TRAITS | change)


def test_the_headers_are_both_contexts_then_action_and_message() -> None:
    data = build_request(
        build_search(search_of(**TRAITS)), action=codes.ACTION_SEARCH, caller=CALLER, marks=MARKS
    )

    root = parse_xml(data)
    header = root[0]
    assert names(root) == ["Header", "Body"]
    assert [child.tag for child in header] == [
        f"{BAM}ContexteBAM",
        f"{LPS}ContexteLPS",
        f"{WSA}Action",
        f"{WSA}MessageID",
    ]
    bam, lps = header[0], header[1]
    assert dict(bam.attrib) == {"Version": "01_02", "Nature": "CTXBAM"}
    assert names(bam) == ["Id", "Temps", "Emetteur", "COUVERTURE"]
    assert dict(lps.attrib) == {"Nature": "CTXLPS", "Version": "01_00"}
    assert names(lps) == ["Id", "Temps", "Emetteur", "LPS"]
    software = lps[3]
    assert [(etree.QName(child).localname, child.text) for child in software] == [
        ("IDAM", CALLER.authorisation),
        ("Version", "1.0"),
        ("Instance", CALLER.installation),
        ("Nom", "urn:lps:DPI:1.0"),
    ]
    assert software[0].get("R") == "4"
    assert [context.findtext(f"{ns}Emetteur") for context, ns in ((bam, BAM), (lps, LPS))] == [
        CALLER.emitter
    ] * 2
    assert header.findtext(f"{WSA}Action") == codes.ACTION_SEARCH
    assert not root.findall(f".//{{{soap.NS_WSSE}}}Security")


def test_the_hour_of_the_contexts_is_utc_to_the_millisecond() -> None:
    paris = timezone(timedelta(hours=1))
    marks = Marks("a", "b", "uuid:c", datetime(2026, 3, 1, 0, 30, 12, 345678, tzinfo=paris))

    root = parse_xml(build_request(build_search(search_of(**TRAITS)), action="a", caller=CALLER, marks=marks))

    assert root.findtext(f".//{BAM}Temps") == "2026-02-28T23:30:12.345Z"


# --- The answer ---------------------------------------------------------------------------------------


def test_the_nominal_answer_has_no_first_given_name() -> None:
    result = read(samples.ADRUN)

    assert result.code is ResultCode.FOUND
    assert result.person is not None
    assert result.person.first_given_name == ""
    assert result.person.given_names == "ZOE"
    assert result.person.born_on == date(1975, 12, 31)
    assert result.person.active.ins == Ins("275126322074974", samples.NIR)


def test_a_history_out_of_the_order_of_the_schema_is_read() -> None:
    person = read(samples.ECETINSI).person

    assert person is not None
    assert person.first_given_name == "PIERRE-ALAIN"
    assert [one.ins for one in person.history] == [
        Ins("209076322083439", samples.NIR),
        Ins("209066322012355", samples.NIR),
    ]
    assert (person.history[0].since, person.history[0].until) == ("2019-12-01", "2010-01-01")


@pytest.mark.parametrize(
    ("sample", "history"),
    [(samples.CORSE, []), (samples.HERMANN, ["281036322045610"])],
    ids=["corse", "hermann"],
)
def test_a_history_that_repeats_the_active_matricule_says_it_once(sample: bytes, history: list[str]) -> None:
    person = read(sample).person

    assert person is not None
    assert [one.number + one.key for one in person.history] == history


def test_a_false_key_is_kept_as_insi_gave_it() -> None:
    person = read(samples.HERMANN).person

    assert person is not None and person.active.ins is not None
    assert person.active.ins.matricule == "181036322045660"
    assert matricule_fault(person.active.ins.matricule) is not None


def test_a_number_of_waiting_is_told_by_its_oid() -> None:
    person = read(samples.PROVISOIRE).person

    assert person is not None and person.active.ins is not None
    assert person.active.ins.nature is InsNature.NIA


def test_what_insi_leaves_out_stays_empty() -> None:
    no_place, no_key = read(samples.NO_PLACE).person, read(samples.NO_KEY).person

    assert no_place is not None and no_place.birth_place_cog == ""
    assert no_key is not None and no_key.active.ins is None


@pytest.mark.parametrize(
    ("sample", "code"), [(samples.NOBODY, ResultCode.NOBODY), (samples.SEVERAL, ResultCode.SEVERAL)]
)
def test_nobody_and_several_bring_no_person(sample: bytes, code: ResultCode) -> None:
    result = read(sample)

    assert (result.code, result.person) == (code, None)
    assert result.label


@pytest.mark.parametrize(
    "sample",
    [
        samples.without("00", "OK"),
        samples.without("07", "?"),
        samples.NOBODY.replace(b"RESULTAT", b"RESULTATS"),
        samples.NOBODY.replace(codes.NS_RESULT.encode(), codes.NS_SEARCH.encode()),
        samples.ADRUN.replace(b"<CodeCR>00", b"<CodeCR>01"),
        samples.ADRUN.replace(b"2751263220749", b"275126322074"),
        samples.ADRUN.replace(b"ZOE", b"Z" * 500),
        samples.ADRUN.replace(b"INSACTIF", b"INSAUTRE"),
    ],
    ids=["nobody-under-00", "code", "name", "namespace", "one-too-many", "number", "long", "no-active"],
)
def test_an_answer_that_is_not_one_is_refused(sample: bytes) -> None:
    with pytest.raises(SoapError):
        read(sample)


def test_an_entity_is_refused() -> None:
    hostile = samples.ADRUN.replace(
        b"<soap:Envelope", b'<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]><soap:Envelope', 1
    ).replace(b"ZOE", b"&x;")

    with pytest.raises(SoapError):
        read(hostile)


@pytest.mark.parametrize("year", ["1975-00-00", "1975-31-42", ""])
def test_a_lunar_date_is_no_date(year: str) -> None:
    person = read(samples.ADRUN.replace(b"1975-12-31", year.encode())).person

    assert person is not None
    assert person.born_on is None
    assert person.birth_date == year


# --- Faults -------------------------------------------------------------------------------------------


def test_a_fault_gives_its_code_its_severity_and_the_text_for_the_user() -> None:
    with pytest.raises(SoapFault) as raised:
        parse_envelope(samples.fault("desir_550", "Numéro d’autorisation inconnu"))

    error = parse_error(raised.value)

    assert (error.code, error.severity) == ("desir_550", "fatale")
    assert error.text == "Numéro d’autorisation inconnu"
    assert raised.value.subcode == "siram_100"


def test_a_fault_without_detail_is_named_by_its_subcode() -> None:
    assert parse_error(SoapFault("Sender", subcode="siram_100", reason="non")).code == "siram_100"
