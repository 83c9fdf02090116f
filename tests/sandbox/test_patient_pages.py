"""Mon espace santé as the patient sees it, and the admin API of the DMP."""

from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import pytest
from lxml import html

from interop.ins import codes as ins_codes
from interop.xds import codes as xds
from sandbox.dmp.dates import add_months
from sandbox.runtime import Sandbox
from tests.sandbox.wire import INS, DmpClient, Draft, Letter

MINOR = ("109076322083489", ins_codes.INS_NIR_TEST_OID)


def address(box: Sandbox, ins: tuple[str, str] = INS) -> str:
    return f"{box.addresses.mes_url}{ins[1]}/{ins[0]}"


def titles(page: httpx.Response) -> list[str]:
    return [str(text) for text in html.fromstring(page.content).xpath("//tbody//a/text()")]


def test_the_list_of_patients_tells_who_has_a_profile(box: Sandbox, browser: httpx.Client) -> None:
    page = browser.get(box.addresses.mes_url)
    rows = {
        row.xpath("string(th)"): row.xpath("string(td[2])")
        for row in html.fromstring(page.content).xpath("//tbody/tr")
    }
    assert rows["PAT-TROIS DOMINIQUE"] == "Profil ouvert"
    assert rows["ADRTROIS TOUSSAINT"] == "Profil fermé"
    assert rows["CORSE ANTHONY"] == "Pas de profil"


def test_the_patient_opens_the_pdf_of_a_letter(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    draft = Draft()
    hospital.submit(draft)
    page = browser.get(address(box))
    assert titles(page) == [draft.letter.title]
    assert "Alice HODA" in page.text
    assert "06/03/2026" in page.text
    link = html.fromstring(page.content).xpath("//tbody//a/@href")[0]
    pdf = browser.get(f"{box.addresses.http_url}{link}")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content == draft.letter.content


def test_versions_stand_under_the_one_in_force(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    first = Draft()
    hospital.submit(first)
    uuid = hospital.find(first.letter.unique_id)[0]
    hospital.submit(Draft(first.letter.next(), replaced_uuid=uuid))
    rows = html.fromstring(browser.get(address(box)).content).xpath("//tbody/tr")
    assert [row.xpath("string(td[last()])") for row in rows] == [
        "Version 2 en vigueur",
        "Version 1 remplacée",
    ]
    former = browser.get(f"{box.addresses.http_url}{rows[1].xpath('.//a/@href')[0]}")
    assert former.content == first.letter.content


def test_a_hidden_document_is_not_seen_then_told_then_seen(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    draft = Draft(restrictions=(xds.VISIBILITY_HIDDEN_PATIENT,))
    hospital.submit(draft)
    page = browser.get(address(box))
    assert titles(page) == []
    assert "attend une consultation" not in page.text
    hidden = f"{address(box)}/documents/{quote(draft.letter.unique_id)}"
    assert browser.get(hidden).status_code == 404
    clock = f"{box.addresses.admin_url}dmp/clock"
    browser.post(clock, json={"offset_seconds": 32 * 24 * 3600})
    page = browser.get(address(box))
    assert titles(page) == []
    assert "Un document vous concernant attend une consultation" in page.text
    browser.post(clock, json={"offset_seconds": 93 * 24 * 3600})
    assert titles(browser.get(address(box))) == [draft.letter.title]
    assert browser.get(hidden).status_code == 200


def test_a_document_masked_from_professionals_is_seen_by_the_patient(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    hospital.submit(Draft(restrictions=(xds.VISIBILITY_MASKED,)))
    assert len(titles(browser.get(address(box)))) == 1


def test_the_patient_reads_who_sees_each_document_and_who_may_read(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    hospital.submit(Draft(restrictions=(xds.VISIBILITY_MASKED,)))
    hospital.submit()
    now = datetime.now(UTC)
    box.dmp.registry.set_authorisation(INS, "899700900014", "valid", now)
    box.dmp.registry.set_authorisation(INS, "899700900022", "blocked", now)
    tables = html.fromstring(browser.get(address(box)).content).xpath("//table")
    seen = [row.xpath("string(td[4])") for row in tables[0].xpath("tbody/tr")]
    assert sorted(seen) == ["Vous ; masqué aux professionnels", "Vous et les professionnels autorisés"]
    access = {row.xpath("string(th)"): row.xpath("string(td)") for row in tables[1].xpath("tbody/tr")}
    assert access == {"Alice HODA": "Autorisé", "Bruno LEMAIRE": "Bloqué"}


def test_a_minor_and_the_guardians_do_not_see_the_same(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    hidden = Draft(Letter(ins=MINOR), restrictions=(xds.VISIBILITY_HIDDEN_GUARDIANS,))
    assert hospital.submit(hidden).is_success
    own = browser.get(address(box, MINOR))
    assert "Voir en tant que représentant légal" in own.text
    assert len(titles(own)) == 1
    guardians = browser.get(address(box, MINOR), params={"vue": "representants"})
    assert "Vue du représentant légal" in guardians.text
    assert titles(guardians) == []
    document = f"{address(box, MINOR)}/documents/{hidden.letter.unique_id}"
    assert browser.get(document, params={"vue": "representants"}).status_code == 404


def test_a_document_of_one_patient_is_not_served_under_another(
    box: Sandbox, hospital: DmpClient, browser: httpx.Client
) -> None:
    draft = Draft()
    hospital.submit(draft)
    assert browser.get(f"{address(box, MINOR)}/documents/{draft.letter.unique_id}").status_code == 404


def test_titles_cannot_carry_markup(box: Sandbox, hospital: DmpClient, browser: httpx.Client) -> None:
    hospital.submit(Draft(Letter(title="<script>alert(1)</script>")))
    page = browser.get(address(box))
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2026, 11, 30), 3, (2027, 2, 28)),
        ((2026, 3, 10), 3, (2026, 6, 10)),
    ],
)
def test_months_are_those_of_the_calendar(
    start: tuple[int, int, int], months: int, expected: tuple[int, int, int]
) -> None:
    assert add_months(datetime(*start, tzinfo=UTC), months) == datetime(*expected, tzinfo=UTC)


# Admin API


def test_tests_read_what_was_registered(box: Sandbox, hospital: DmpClient, browser: httpx.Client) -> None:
    draft = Draft(restrictions=(xds.VISIBILITY_HIDDEN_PATIENT,))
    hospital.submit(draft)
    admin = box.addresses.admin_url
    (seen,) = browser.get(f"{admin}dmp/documents", params={"ins": INS[0]}).json()
    assert seen["unique_id"] == draft.letter.unique_id
    assert seen["status"] == xds.STATUS_APPROVED
    assert seen["visible_to_patient"] is False
    assert (seen["set_id"], seen["version_number"]) == (draft.letter.set_id, 1)
    content = browser.get(f"{admin}dmp/documents/{draft.letter.unique_id}/content")
    assert content.content == draft.letter.build()
    assert browser.get(f"{admin}dmp/journal").json()[0]["operation"] == "TD2.1"


def test_a_patient_may_be_added_or_closed(box: Sandbox, hospital: DmpClient, browser: httpx.Client) -> None:
    person = {
        "matricule": "188102B17295264",
        "oid": ins_codes.INS_NIR_TEST_OID,
        "family": "ESSAI",
        "given": "JEAN",
        "birth_date": "1988-10-01",
        "sex": "M",
    }
    ins = (person["matricule"], person["oid"])
    admin = f"{box.addresses.admin_url}dmp/patients"
    assert browser.post(admin, json=person | {"state": "open"}).status_code == 200
    assert hospital.submit(Draft(Letter(ins=ins))).is_success
    browser.post(admin, json=person | {"state": "closed"})
    assert hospital.submit(Draft(Letter(ins=ins))).errors[0][0] == xds.DMP_CLOSED
    assert browser.post(admin, json=person | {"state": "open", "oid": "1.2.3"}).status_code == 400
    assert browser.post(admin, json=person).status_code == 400


def test_authorisations_may_be_set(box: Sandbox, browser: httpx.Client) -> None:
    admin = f"{box.addresses.admin_url}dmp/authorisations"
    told = {"ins": INS[0], "actor": "899700900014", "state": "valid"}
    assert browser.post(admin, json=told).status_code == 200
    assert box.dmp.registry.authorisation(INS, "899700900014", datetime.now(UTC)) == "valid"
    assert browser.post(admin, json=told | {"state": "maybe"}).status_code == 400


def test_an_unknown_address_of_the_admin_api_says_so(box: Sandbox, browser: httpx.Client) -> None:
    assert browser.get(f"{box.addresses.admin_url}nothing").status_code == 404
    assert browser.post(f"{box.addresses.admin_url}dmp/clock", json=[1]).status_code == 400
