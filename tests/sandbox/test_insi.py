"""INSi of the sandbox: what it refuses, whom it finds, what it does wrong when told to (spec ins 11, 15)."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest

from interop.insi import codes
from interop.soap import codes as soap
from sandbox.authority import Certificates, Credential
from sandbox.insi.faults import UnknownInsiEffectError
from sandbox.insi.people import KNOWN
from sandbox.insi.reading import SOFTWARE_AUTHORISATION
from sandbox.runtime import Sandbox
from sandbox.xml import parse, q, text_of

EMITTER = "1990000010"
BODY = (
    "<NomNaissance>ECETINSI</NomNaissance><Prenom>PIERRE-ALAIN</Prenom><Sexe>M</Sexe>"
    "<DateNaissance>2009-07-14</DateNaissance>"
)
CONTEXT = "<Id>{id}</Id><Temps>2026-01-01T00:00:00.000Z</Temps><Emetteur>" + EMITTER + "</Emetteur>"


def request(
    body: str = BODY, *, edit: Callable[[str], str] = lambda text: text, authorisation: str = ""
) -> bytes:
    """A right request written by hand: a builder of the product must not approve itself."""
    context = CONTEXT.format(id=uuid.uuid4())
    text = (
        f'<s:Envelope xmlns:s="{soap.NS_SOAP}"><s:Header>'
        f'<ContexteBAM xmlns="{codes.NS_BAM}" Version="01_02">{context}<COUVERTURE/></ContexteBAM>'
        f'<ContexteLPS xmlns="{codes.NS_LPS}" Nature="CTXLPS" Version="01_00">{context}<LPS>'
        f'<IDAM R="4">{authorisation or SOFTWARE_AUTHORISATION}</IDAM><Version>1.0</Version>'
        f"<Instance>{uuid.uuid4()}</Instance><Nom>urn:lps:DPI:1.0</Nom></LPS></ContexteLPS>"
        f'<a:Action xmlns:a="{soap.NS_WSA}">{codes.ACTION_SEARCH}</a:Action>'
        f'<a:MessageID xmlns:a="{soap.NS_WSA}">uuid:{uuid.uuid4()}</a:MessageID></s:Header>'
        f'<s:Body><RECSANSVITALE xmlns="{codes.NS_SEARCH}">{body}</RECSANSVITALE></s:Body></s:Envelope>'
    )
    changed = edit(text)
    return changed.encode()


@pytest.fixture
def line(box: Sandbox) -> Iterator[httpx.Client]:
    with line_of(box.certificates, box.certificates.insi) as client:
        yield client


def line_of(certificates: Certificates, credential: Credential) -> httpx.Client:
    context = ssl.create_default_context(cafile=certificates.ca)
    context.load_cert_chain(credential.certificate, credential.key)
    return httpx.Client(verify=context, trust_env=False)


def ask(box: Sandbox, line: httpx.Client, data: bytes) -> httpx.Response:
    return line.post(
        box.addresses.insi.url, content=data, headers={"Content-Type": "application/soap+xml; charset=UTF-8"}
    )


def result_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return text_of(parse(answer.content).find(f".//{q(codes.NS_RESULT, 'CodeCR')}"))


def fault_of(answer: httpx.Response) -> str:
    assert answer.status_code == 500
    root = parse(answer.content)
    subcode = root.find(f".//{q(soap.NS_SOAP, 'Subcode')}/{q(soap.NS_SOAP, 'Value')}")
    assert text_of(subcode).endswith(codes.FAULT_SUBCODE)
    assert text_of(root.find(f".//{q(soap.NS_SOAP, 'Text')}"))
    error = root.find(f".//{q(codes.NS_SIRAM, 'Erreur')}")
    assert error is not None and error.get("severite") == "fatale"
    return str(error.get("code"))


def test_the_person_of_test_2_04_comes_with_its_history(box: Sandbox, line: httpx.Client) -> None:
    answer = ask(box, line, request())

    assert result_of(answer) == "00"
    root = parse(answer.content)
    numbers = [text_of(one) for one in root.iterfind(f".//{q(codes.NS_RESULT, 'NumIdentifiant')}")]
    assert numbers == ["1090763220834", "2090763220834", "2090663220123"]
    assert text_of(root.find(f".//{q(codes.NS_RESULT, 'ListePrenom')}")) == "PIERRE-ALAIN MURIEL FLORIANT"


@pytest.mark.parametrize(
    ("family", "given", "sex", "birth", "place", "code"),
    [
        ("HOUILLES", ("PIERRE",), "M", "1993-01-27", "", "01"),
        ("TCHITCHI", ("OLA",), "F", "1936-06-21", "", "01"),
        ("TCHITCHI", ("BELLA",), "F", "1936-06-21", "", "00"),
        ("TCHITCHI", ("CATARINA BELLA",), "F", "1936-06-21", "", "00"),
        ("PAT TROIS", ("DOMINIQUE",), "F", "1979-03-28", "", "01"),
        ("JUMELAGE", ("MARIE",), "F", "1985-05-12", "", "02"),
        ("JUMELAGE", ("MARIE", "JEANNE"), "F", "1985-05-12", "", "00"),
        ("JUMELAGE", ("MARIE",), "F", "1985-05-12", "35238", "00"),
        ("ADRTROIS", ("DOMINIQUE",), "F", "1997-02-26", "99999", "01"),
    ],
)
def test_a_search_finds_one_nobody_or_several(
    box: Sandbox, line: httpx.Client, family: str, given: tuple[str, ...], sex: str, birth: str,
    place: str, code: str,
) -> None:  # fmt: skip
    names = "".join(f"<Prenom>{name}</Prenom>" for name in given)
    where = f"<LieuNaissance>{place}</LieuNaissance>" if place else ""
    body = (
        f"<NomNaissance>{family}</NomNaissance>{names}<Sexe>{sex}</Sexe>"
        f"<DateNaissance>{birth}</DateNaissance>{where}"
    )

    assert result_of(ask(box, line, request(body))) == code


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace("ECETINSI", "Ecetinsi"),
        BODY.replace("ECETINSI", "ÉCETINSI"),
        BODY.replace("ECETINSI", "-ECETINSI"),
        BODY.replace("ECETINSI", "ECETINSI 2"),
        BODY.replace("PIERRE-ALAIN", "PIERRE--ALAIN"),
        BODY.replace("<Sexe>M", "<Sexe>I"),
        BODY.replace("2009-07-14", "14/07/2009"),
        BODY.replace("2009-07-14", "2009-00-00"),
        BODY.replace("<Sexe>M</Sexe>", ""),
    ],
    ids=["case", "diacritic", "start", "digit", "double", "sex", "date", "lunar", "missing"],
)
def test_traits_out_of_the_profile_are_refused(box: Sandbox, line: httpx.Client, body: str) -> None:
    assert fault_of(ask(box, line, request(body))).startswith("insi_")


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("ContexteBAM", "ContexteBam"),
        lambda text: text.replace("<COUVERTURE/>", ""),
        lambda text: text.replace("Version=\"01_00\"", "Version=\"01_02\""),
        lambda text: text.replace(EMITTER, "1990000101"),
        lambda text: text.replace(f"{codes.ACTION_SEARCH}<", "urn:autre<"),
        lambda text: text.replace("MessageID xmlns", "RelatesTo xmlns").replace(":MessageID>", ":RelatesTo>"),
        lambda text: text.replace("</s:Header>", f'<w:Security xmlns:w="{soap.NS_WSSE}"/></s:Header>'),
        lambda text: text.replace("<NomNaissance>ECETINSI</NomNaissance>", "").replace(
            "</RECSANSVITALE>", "<NomNaissance>ECETINSI</NomNaissance></RECSANSVITALE>"
        ),
        lambda text: text.replace("<Sexe>", "<Sexe>F</Sexe><Sexe>"),
        lambda text: text.replace(codes.NS_SEARCH, codes.NS_RESULT),
        lambda text: text.replace(soap.NS_SOAP, soap.NS_SOAP_11),
        lambda text: "<!DOCTYPE e []>" + text,
    ],
    ids=[
        "bam", "coverage", "version", "emitter", "action", "message", "security", "order", "repeated",
        "namespace", "soap11", "doctype",
    ],
)  # fmt: skip
def test_an_envelope_out_of_the_schema_is_refused(
    box: Sandbox, line: httpx.Client, edit: Callable[[str], str]
) -> None:
    assert fault_of(ask(box, line, request(edit=edit))).startswith("siram_")


def test_a_software_that_is_not_authorised_is_desir_550(box: Sandbox, line: httpx.Client) -> None:
    assert fault_of(ask(box, line, request(authorisation="0000"))) == codes.UNKNOWN_SOFTWARE


def test_the_certificate_of_the_dmp_is_desir_560(box: Sandbox) -> None:
    with line_of(box.certificates, box.certificates.client) as line:
        assert fault_of(ask(box, line, request())) == codes.INSUFFICIENT_RIGHTS


def test_an_unknown_authority_does_not_get_in(box: Sandbox) -> None:
    with line_of(box.certificates, box.certificates.stranger) as line, pytest.raises(httpx.HTTPError):
        ask(box, line, request())


def test_the_dmp_stays_where_it_was(box: Sandbox, line: httpx.Client) -> None:
    assert line.post(box.addresses.dmp.registry_url, content=b"x").status_code == 500


def test_faults_are_told_then_gone(box: Sandbox, line: httpx.Client, browser: httpx.Client) -> None:
    admin = f"{box.addresses.admin_url}insi/faults"
    for effect in ("http:503", "fault:desir_550", "nobody", "several", "no_place"):
        assert browser.post(admin, json={"effect": effect}).status_code == 200

    assert ask(box, line, request()).status_code == 503
    assert fault_of(ask(box, line, request())) == "desir_550"
    assert [result_of(ask(box, line, request())) for _ in range(2)] == ["01", "02"]
    assert b"LieuNaissance" not in ask(box, line, request()).content
    assert b"LieuNaissance" in ask(box, line, request()).content
    assert browser.get(admin).json() == []


def test_a_cut_line_is_no_answer(box: Sandbox, line: httpx.Client) -> None:
    box.insi.faults.add("reset")
    with pytest.raises(httpx.HTTPError):
        ask(box, line, request())


@pytest.mark.parametrize("effect", ["", "delay", "delay:x", "fault:", "autre", "nobody:1"])
def test_an_unknown_fault_is_refused(box: Sandbox, browser: httpx.Client, effect: str) -> None:
    with pytest.raises(UnknownInsiEffectError):
        box.insi.faults.add(effect)
    answer = browser.post(f"{box.addresses.admin_url}insi/faults", json={"effect": effect})
    assert answer.status_code == 400


def test_the_page_shows_identities_requests_and_faults(
    box: Sandbox, line: httpx.Client, browser: httpx.Client
) -> None:
    ask(box, line, request())
    ask(box, line, request(BODY.replace("ECETINSI", "Ecetinsi")))
    home = browser.get(box.addresses.http_url)
    assert "/insi/" in home.text

    form = {"action": "add", "effect": "delay:3000", "times": "2"}
    answer = browser.post(box.addresses.insi.pages_url, data=form)
    shown = browser.get(box.addresses.insi.pages_url).text

    assert answer.status_code == 303
    assert "2 panne(s) en attente" in shown
    assert "PROVISOIRE" in shown and "2090763220834 39" in shown
    assert "00, une identité" in shown and "insi_bac_a_sable_traits" in shown
    browser.post(box.addresses.insi.pages_url, data={"action": "clear"})
    assert box.insi.faults.waiting() == []
    journal = browser.get(f"{box.addresses.admin_url}insi/journal").json()
    assert [row["outcome"] for row in journal] == ["00", "insi_bac_a_sable_traits"]


def test_every_person_can_be_searched() -> None:
    for person in KNOWN:
        assert len(person.active.number) == 13
        assert person.family.isupper() and person.given_names.isupper()
