"""Letters of doctors in town: conform documents that the product opens, and the pages that send them."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from interop.ins.key import Ins
from interop.ins.traits import missing_traits
from interop.mail.opening import open_mail
from interop.xdm.codes import XdmAction
from interop.xdm.opening import OpenedXdm, open_xdm
from sandbox.demo import PATIENTS
from sandbox.mail.boxes import APPLICATION_BOX, ERROR_BOX
from sandbox.mail.letters import Case, LetterBox, LetterError
from sandbox.runtime import Sandbox, SandboxSettings
from tests.interop.cda.official import check_cda, needs_official_data
from tests.sandbox.mail_client import DOCTOR, OPEN_PATIENT, MailClient
from tests.shared import CHECKOUT

MATRICULE = "279035121518989"


def opened(box: Sandbox) -> list[OpenedXdm]:
    """The archives that reached the hospital, the oldest first."""
    store = box.mail.store
    mails = [open_mail(store.content(mail)) for mail in reversed(store.all_mails(APPLICATION_BOX))]
    return [open_xdm(mail.archives[0].content) for mail in mails]


def all_letters(letters: LetterBox) -> None:
    first = letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    letters.send(Case.NO_INS, matricule=MATRICULE, author="vasseur")
    letters.send(Case.UNKNOWN, matricule=MATRICULE, author="petit")
    second = letters.send(Case.REPLACE, unique_id=first.letter.unique_id)
    letters.send(Case.DELETE, unique_id=second.letter.unique_id)


@needs_official_data
def test_the_documents_are_conform_to_the_national_rules_without_a_warning(
    box: Sandbox, tmp_path: Path
) -> None:
    all_letters(box.letters)
    files = []
    for number, archive in enumerate(opened(box)):
        files.append(tmp_path / f"{number}.xml")
        files[-1].write_bytes(archive.documents[0].content)
    assert check_cda(*files) == ""


def test_each_case_says_what_it_is(box: Sandbox) -> None:
    all_letters(box.letters)
    match, no_ins, unknown, corrected, withdrawn = (archive.documents[0] for archive in opened(box))
    assert match.cda.patient.ins == Ins(MATRICULE, PATIENTS[0].oid)
    assert missing_traits(match.cda.patient.traits) == ()
    assert match.cda.patient.traits.birth_place_cog == "63220"
    assert no_ins.cda.patient.ins is None
    assert unknown.cda.patient.ins not in (None, match.cda.patient.ins)
    assert (corrected.action, corrected.cda.version_number) == (XdmAction.REPLACE, 2)
    assert corrected.cda.replaced is not None and corrected.cda.replaced.id == match.cda.id
    assert (withdrawn.action, withdrawn.content) == (XdmAction.DELETE, corrected.content)
    assert (match.action, match.cda.set_id) == (None, corrected.cda.set_id)


def test_the_demonstration_knows_the_traits_of_the_hospital() -> None:
    """What a matching letter says is what the admission messages of the demonstration said."""
    files = (CHECKOUT / "dpi/demo/people.py", CHECKOUT / "dpi/demo/data/people.tsv")
    people = "".join(file.read_text("utf-8") for file in files)
    for person in PATIENTS:
        if person.matricule in people:
            around = people[max(0, people.index(person.matricule) - 400) : people.index(person.matricule)]
            assert person.birth_place in around, person
            assert (person.given_names or person.given) in around, person


def test_letters_are_remembered_over_a_restart(settings: SandboxSettings) -> None:
    with Sandbox(settings) as box:
        first = box.letters.send(Case.MATCH, matricule=MATRICULE)
    with Sandbox(settings) as box:
        corrected = box.letters.send(Case.REPLACE, unique_id=first.letter.unique_id)
        assert corrected.letter.replaced_id == first.letter.unique_id
        other = box.letters.send(Case.MATCH, matricule=MATRICULE)
        assert len({first.letter.unique_id, corrected.letter.unique_id, other.letter.unique_id}) == 3


@pytest.mark.parametrize(
    ("case", "values"),
    [
        (Case.MATCH, {"matricule": "1"}),
        (Case.MATCH, {"matricule": MATRICULE, "author": "hoda"}),
        (Case.REPLACE, {"unique_id": "1.2"}),
    ],
)
def test_a_letter_about_nobody_is_refused(box: Sandbox, case: Case, values: dict[str, str]) -> None:
    with pytest.raises(LetterError):
        box.letters.send(case, **values)
    assert box.mail.store.all_mails(APPLICATION_BOX) == []


def follow(browser: httpx.Client, response: httpx.Response) -> httpx.Response:
    assert response.status_code == 303
    return browser.get(response.url.join(response.headers["location"]))


def test_a_person_writes_a_letter_corrects_it_and_withdraws_it(box: Sandbox, browser: httpx.Client) -> None:
    home = box.addresses.mail.pages_url
    assert "Écrire à l’hôpital" in browser.get(f"{home}ecrire").text
    form = {"author": "petit", "matricule": MATRICULE, "case": "match"}
    listed = follow(browser, browser.post(f"{home}ecrire", data=form))
    assert "XDM/1.0/DDM+CR ou fiche de consultation" in listed.text
    (sent,) = box.letters.sent()
    assert sent.letter.unique_id in browser.get(f"{home}ecrire").text
    for case in ("replace", "delete"):
        (last, *_) = box.letters.sent()
        follow(
            browser, browser.post(f"{home}ecrire", data={"unique_id": last.letter.unique_id, "case": case})
        )
    assert [one.case for one in box.letters.sent()] == [Case.DELETE, Case.REPLACE, Case.MATCH]
    refused = browser.post(f"{home}ecrire", data={"case": "match", "matricule": "1"})
    assert "Choisissez" in refused.text
    assert len(box.letters.sent()) == 3


def test_a_mail_is_opened_down_to_its_documents(box: Sandbox, browser: httpx.Client) -> None:
    box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    home = box.addresses.mail.pages_url
    assert APPLICATION_BOX in browser.get(home).text
    listed = browser.get(f"{home}boite/{APPLICATION_BOX}").text
    address = re.search(r'href="/messagerie/(courriel/\d+)"', listed)
    assert address is not None
    shown = browser.get(home + address[1]).text
    assert "Disposition-Notification-To" in shown and "IHE_XDM/SUBSET01/METADATA.XML" in shown
    links = [link for link in re.findall(r'href="/messagerie/([^"]+)"', shown) if "/piece/" in link]
    answers = {link: browser.get(home + link) for link in links}
    kinds = {link: answer.headers["content-type"] for link, answer in answers.items()}
    assert sum(kind == "application/pdf" for kind in kinds.values()) == 2
    (pdf,) = (link for link in links if link.endswith("/pdf"))
    assert answers[pdf].content.startswith(b"%PDF")
    assert all(answer.headers["x-content-type-options"] == "nosniff" for answer in answers.values())
    assert not any(kind.startswith("text/html") for kind in kinds.values())


def test_a_patient_reads_and_answers_unless_the_channel_is_closed(
    mail: MailClient, browser: httpx.Client
) -> None:
    head = f"From: {APPLICATION_BOX}\r\nReply-To: {ERROR_BOX}\r\nMessage-ID: <2@x>\r\nSubject: x\r\n"
    asked = f"{head}Disposition-Notification-To: {APPLICATION_BOX}\r\n".encode()
    for raw in (asked + b"\r\nbonjour\r\n", asked + b"X-MSS-MES: FIN\r\n\r\nbonjour\r\n"):
        mail.send(OPEN_PATIENT, raw, wants_delivery_notice=False)
    home = mail.box.addresses.mail.pages_url
    first, second = mail.stored(OPEN_PATIENT)
    page = follow(browser, browser.post(f"{home}courriel/{first.id}/lire"))
    assert "Ce courriel a été lu" in page.text
    assert open_mail(mail.mails()[0]).report_type == "disposition-notification"
    follow(browser, browser.post(f"{home}courriel/{first.id}/repondre", data={"texte": "Merci"}))
    answer = open_mail(mail.mails(ERROR_BOX)[0])
    assert (answer.text.strip(), answer.answered_id) == ("Merci", "<2@x>")
    assert answer.sender is not None and answer.sender.email == OPEN_PATIENT
    closed = browser.get(f"{home}courriel/{second.id}").text
    assert "n’attend pas de réponse" in closed and "repondre" not in closed


@pytest.mark.parametrize(
    "path", ["boite/x@y.test", "courriel/99", "courriel/x", "courriel/1/piece/9", "courriel/1/piece/2/0", "x"]
)
def test_what_is_not_there_is_said_so(mail: MailClient, browser: httpx.Client, path: str) -> None:
    mail.send()
    assert browser.get(mail.box.addresses.mail.pages_url + path).status_code == 404


LEVEL = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
HOSTILE = {
    "no mail": b"\xff\xfe\x00\x01",
    "nested": b"".join(LEVEL % (n, n) for n in range(900)),
    "zip": b"Content-Type: application/zip\r\nContent-Disposition: attachment; filename=a.zip\r\n\r\nPK\x03",
    "charset": b"Content-Type: text/plain; charset=nothing\r\nSubject: =?nothing?q?x?=\r\n\r\n\xff",
    "page": b"Content-Type: text/html\r\nSubject: <script>alert(1)</script>\r\n\r\n<script>alert(1)</script>",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_shown_as_words(box: Sandbox, browser: httpx.Client, name: str) -> None:
    stored = box.mail.deposit(APPLICATION_BOX, HOSTILE[name], sender=DOCTOR)
    home = box.addresses.mail.pages_url
    for path in (f"boite/{APPLICATION_BOX}", f"courriel/{stored.id}"):
        answer = browser.get(home + path)
        assert answer.status_code == 200
        assert "<script>" not in answer.text


def test_the_admin_api_reads_deposits_answers_and_breaks(box: Sandbox, browser: httpx.Client) -> None:
    admin = f"{box.addresses.admin_url}mail/"

    def post(path: str, **values: object) -> httpx.Response:
        return browser.post(admin + path, json=values)

    letters = post("letters", case="match", matricule=MATRICULE, author="petit", count=2).json()
    assert len({letter["unique_id"] for letter in letters}) == 2
    listed = browser.get(f"{admin}mails", params={"box": APPLICATION_BOX}).json()
    assert len(listed) == 2
    content = browser.get(f"{admin}content", params={"id": listed[0]["id"]}).content
    assert open_mail(content).archives
    assert post("receipts", id=listed[0]["id"], kind="displayed").json() == {"answered": True}
    assert len(browser.get(f"{admin}mails", params={"box": DOCTOR}).json()) == 1
    deposited = post("mails", box=ERROR_BOX, content="eA==", sender=DOCTOR).json()
    assert (deposited["box"], deposited["folder"]) == (ERROR_BOX, "INBOX")
    assert post("faults", effect="full", times=2).json()[0]["effect"] == "full"
    assert browser.delete(f"{admin}faults").json() == []
    for path, values in {
        "letters": {"case": "other"},
        "mails": {"box": "x@y.test", "content": "eA=="},
        "receipts": {"id": 999},
        "faults": {"effect": "fire"},
    }.items():
        assert post(path, **values).status_code == 400
    assert browser.get(f"{admin}content", params={"id": "x"}).status_code == 404


def test_faults_are_asked_for_on_the_page(box: Sandbox, browser: httpx.Client) -> None:
    page = f"{box.addresses.http_url}/pannes"
    browser.post(page, data={"action": "mail", "effect": "full", "address": DOCTOR, "times": "2"})
    browser.post(page, data={"action": "mail", "effect": "fire"})
    assert box.mail.faults.waiting() == 2
    assert "2 panne(s) de MSSanté" in browser.get(page).text
    browser.post(page, data={"action": "clear"})
    assert box.mail.faults.waiting() == 0
