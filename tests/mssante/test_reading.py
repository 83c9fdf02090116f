"""A mail as a person reads it: text only, bounded, and who wrote it (mssante 1.7, 2.1)."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from interop.ins.key import MatriculeFault
from interop.mail.opening import MailLimits
from mssante.reading import LONGEST_TEXT, MailText, mail_text, usager_of

DOMAIN = "patient.mssante.fr"
# Matricules of mssante 1.6: one good, one whose key is wrong.
GOOD, WRONG_KEY = "279035121518989", "253097812634581"


def read(raw: bytes) -> MailText:
    return mail_text(raw, patient_domain=DOMAIN, limits=MailLimits(max_bytes=2**20))


def mail(
    text: str = "", *, html: str = "", sender: str = "", files: tuple[tuple[str, bytes], ...] = ()
) -> bytes:
    made = EmailMessage(policy=SMTP)
    made["From"] = sender or f"Paule Vial <{GOOD}@{DOMAIN}>"
    made["Subject"] = "Re: votre lettre"
    if text or not html:
        made.set_content(text)
    if html and text:
        made.add_alternative(html, subtype="html")
    elif html:
        made.set_content(html, subtype="html")
    for name, content in files:
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()


def test_the_answer_of_a_patient_is_read_with_name_and_matricule() -> None:
    found = read(mail("Bonjour,\n\nJ’ai une question.\n"))
    assert found.text == "Bonjour,\n\nJ’ai une question."
    assert (found.sender_name, found.matricule, found.fault) == ("Paule Vial", GOOD, None)
    assert (found.subject, found.is_cut, found.was_html) == ("Re: votre lettre", False, False)


@pytest.mark.parametrize(
    ("address", "matricule"),
    [
        (f"{GOOD}@{DOMAIN}", GOOD),
        (f"{GOOD}@{DOMAIN.upper()}", GOOD),
        (f"1460264A2000196@{DOMAIN}", ""),
        (f"ne-pas-repondre@{DOMAIN}", ""),
        (f"{GOOD}@{DOMAIN}.ailleurs.fr", ""),
        (f"{GOOD}@medecin.mssante.fr", ""),
        ("", ""),
    ],
)
def test_only_the_mailbox_of_a_person_is_that_of_an_usager(address: str, matricule: str) -> None:
    assert usager_of(address, patient_domain=DOMAIN) == matricule


def test_a_matricule_that_cannot_be_one_is_said() -> None:
    assert read(mail("x", sender=f"X <{WRONG_KEY}@{DOMAIN}>")).fault is MatriculeFault.KEY


HTML = (
    "<html><head><title>t</title><style>p{background:url(http://piege.test/a)}</style>"
    "<body onload='x()'><p>Bonjour <b>docteur</b></p><script>alert(1)</script>"
    "<img src='http://piege.test/i.png' alt='image'><a href='http://piege.test/'>Cliquez ici</a>"
    "<div>&lt;script&gt;écrit&lt;/script&gt;</div></body></html>"
)


def test_a_page_is_reduced_to_its_words_even_when_its_head_is_left_open() -> None:
    found = read(mail(html=HTML))
    assert found.text == "Bonjour docteur\nCliquez ici\n<script>écrit</script>"
    assert found.was_html
    assert "piege" not in found.text and "alert" not in found.text


def test_the_text_of_its_author_is_preferred_to_the_page() -> None:
    found = read(mail("En clair", html=HTML))
    assert (found.text, found.was_html) == ("En clair", False)


def test_marks_that_change_what_is_seen_are_taken_out() -> None:
    found = read(mail("facture\u202etxt.exe\u2066 a\x07b\u200bc\n\n\n\n\nfin", sender="A\u202eB <a@b.test>"))
    assert found.text == "facturetxt.exe abc\n\nfin"
    assert found.sender_name == "AB"


def test_a_text_too_long_is_cut_and_says_so() -> None:
    found = read(mail("mot " * LONGEST_TEXT))
    assert (len(found.text), found.is_cut) == (LONGEST_TEXT, True)


def test_attachments_are_named_and_weighed_never_opened() -> None:
    found = read(mail("Voici", files=(("../photo\u202egpj.exe", b"MZ" * 50), ("ordonnance.pdf", b"%PDF-"))))
    assert [(one.name, one.size) for one in found.attachments] == [
        ("../photogpj.exe", 100),
        ("ordonnance.pdf", 5),
    ]


@pytest.mark.parametrize(
    "raw",
    [b"", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 500],
)
def test_what_cannot_be_opened_says_why(raw: bytes) -> None:
    found = read(raw)
    assert found.unreadable and not found.text
