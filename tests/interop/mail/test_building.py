"""Mails that leave: exact, one patient, nothing injected (mssante.md 1.5, 4.1 to 4.4)."""

from __future__ import annotations

import email
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from email import policy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.mail.answers import build_error_mail, build_mdn
from interop.mail.codes import MdnFlavour
from interop.mail.document import DocumentMail, PdfCopy, build_document_mail
from interop.mail.errors import MailRefusal, MailRefused
from interop.mail.opening import open_mail
from interop.mail.wording import document_subject, pdf_name
from interop.mail.writing import Address, ids_header
from tests.interop.mail.samples import (
    DOCUMENT_MAILS,
    INTEGRATED,
    LABEL,
    LETTER,
    PDF,
    RECEIVED,
    REFUSED,
    TO_PATIENT,
    archive,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "mail"
BUILT: dict[str, Callable[[], bytes]] = {
    **{name: lambda mail=mail: build_document_mail(mail) for name, mail in DOCUMENT_MAILS.items()},
    "mdn_success": lambda: build_mdn(INTEGRATED),
    "mdn_error": lambda: build_mdn(REFUSED),
    "mdn_error_1_1_3": lambda: build_mdn(replace(REFUSED, flavour=MdnFlavour.V1_1_3)),
    "error_mail": lambda: build_error_mail(REFUSED),
    "error_mail_1_1_3": lambda: build_error_mail(replace(REFUSED, flavour=MdnFlavour.V1_1_3)),
}
BIRTH = date(1978, 11, 26)


@pytest.mark.parametrize("name", BUILT)
def test_the_bytes_are_those_of_the_golden_file(name: str) -> None:
    assert BUILT[name]() == (GOLDEN / f"{name}.eml").read_bytes()


@pytest.mark.parametrize("name", BUILT)
def test_the_library_reads_a_whole_mail_of_short_lines_without_a_defect(name: str) -> None:
    raw = BUILT[name]()
    parsed = email.message_from_bytes(raw, policy=policy.SMTP)
    for part in parsed.walk():
        assert part.defects == []
    head = raw.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 120
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([LABEL], "Lettre de liaison a la sortie d'un etabl VIAL Paul 26/11/1978"),
        (["Prescription"], "Prescription VIAL Paul 26/11/1978"),
        (["A", "B"], "2 documents VIAL Paul 26/11/1978"),
        ([""], "Document VIAL Paul 26/11/1978"),
        (["Compte-rendu œdème – « rétine »"], 'Compte-rendu oedeme - " retine " VIAL Paul 26/11/1978'),
        (["x" * 39 + " yz"], "x" * 39 + " VIAL Paul 26/11/1978"),
    ],
)
def test_the_subject_is_that_of_the_reference(labels: list[str], expected: str) -> None:
    subject = document_subject(labels, family="Vial", given="Paul", birth_date=BIRTH)
    assert subject == f"XDM/1.0/DDM+{expected}"


def test_a_subject_does_without_what_is_not_known() -> None:
    assert document_subject(["CR"], family="Vial", given="", birth_date=None) == "XDM/1.0/DDM+CR VIAL"
    accented = document_subject(["CR"], family="Éléonœr", given="Zoé", birth_date=None)
    assert accented == "XDM/1.0/DDM+CR ELEONOER Zoe"


def test_the_name_of_a_copy_is_that_of_the_reference() -> None:
    name = pdf_name(
        act_date=date(2022, 5, 31), label="CR d'imagerie médicale", family="Corse", given="FIGATELLIX"
    )
    assert name == "20220531_CR d'imagerie médicale_CORSE_FIGATELLIX.pdf"
    numbered = pdf_name(
        act_date=BIRTH, label="a/b\\c:d", family="X", given="../..", record_number="12_3\u202e"
    )
    assert numbered == "19781126_a b c d_X_12 3.pdf"


def test_copies_of_one_name_are_told_apart() -> None:
    copies = (PdfCopy("a.pdf", PDF), PdfCopy("a.pdf", PDF))
    opened = open_mail(build_document_mail(replace(LETTER, pdfs=copies, document_codes=("1-1", "2-2"))))
    assert [part.file_name for part in opened.pdfs] == ["a.pdf", "a-2.pdf"]
    assert opened.header("X-MSS-CODECDA") == "1-1,2-2"


def test_a_mail_to_a_patient_closes_the_channel_and_one_to_a_doctor_does_not() -> None:
    patient, doctor = open_mail(build_document_mail(TO_PATIENT)), open_mail(build_document_mail(LETTER))
    assert (patient.header("X-MSS-MES"), patient.header("Reply-To")) == ("FIN", "")
    assert (doctor.header("X-MSS-MES"), doctor.header("Reply-To")) == ("", "cardiologie@ch-a.mssante.fr")


def test_an_identity_that_is_not_qualified_says_so() -> None:
    opened = open_mail(build_document_mail(replace(LETTER, has_qualified_ins=False)))
    assert opened.header("X-MSS-INS") == "N"


def test_what_is_built_is_what_is_read() -> None:
    opened = open_mail(build_document_mail(LETTER))
    assert opened.sender == LETTER.sender
    assert opened.recipients == (LETTER.recipient,)
    assert (opened.message_id, opened.subject) == (LETTER.message_id, LETTER.subject)
    assert opened.document_subject == "Lettre de liaison a la sortie d'un etabl VIAL Paul 26/11/1978"
    assert opened.text.strip() == LETTER.text
    assert [part.content for part in opened.archives] == [archive()]
    assert [part.content for part in opened.pdfs] == [PDF]
    assert (opened.notice_to, opened.is_automatic) == ("pfi@ch-a.mssante.fr", False)


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y.fr", "a\nb", "a\rb", "a\x00b", "a\u2028b", "a\x0bb"])
@pytest.mark.parametrize("field", ["subject", "product_reference"])
def test_a_line_end_in_a_value_is_refused(field: str, value: str) -> None:
    with pytest.raises(MailRefused) as caught:
        build_document_mail(replace(LETTER, **{field: value}))
    assert caught.value.code is MailRefusal.HEADER_INJECTION
    assert "Bcc" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"sender": Address("pfi@ch-a.mssante.fr", "CH A\r\nBcc: x@y.fr")},
        {"pdfs": (PdfCopy("a\r\nX: y.pdf", PDF),)},
        {"document_codes": ("11490-0\r\nX: y",)},
    ],
)
def test_no_value_opens_a_header(change: dict[str, object]) -> None:
    with pytest.raises(MailRefused) as caught:
        build_document_mail(replace(LETTER, **change))
    assert caught.value.code is MailRefusal.HEADER_INJECTION


@pytest.mark.parametrize(
    "address",
    [
        "", "dupont", "a b@c.fr", "a@c.fr, b@c.fr", "<a@c.fr>", "a@c.fr>\r\nRCPT", "é@c.fr", "a@@c",
        "a@" + "c" * 260,
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(address: str) -> None:
    for field in ("sender", "recipient"):
        with pytest.raises(MailRefused) as caught:
            build_document_mail(replace(LETTER, **{field: Address(address)}))
        assert caught.value.code is MailRefusal.ADDRESS


@pytest.mark.parametrize("message_id", ["", "a@b", "<a b@c>", "<a@b>\r\nX: y", "<<a@b>>"])
def test_an_identifier_that_is_none_is_refused(message_id: str) -> None:
    with pytest.raises(MailRefused) as caught:
        build_document_mail(replace(LETTER, message_id=message_id))
    assert caught.value.code is MailRefusal.MESSAGE_ID


def test_a_long_identifier_stays_as_it_is() -> None:
    long = f"<{'a' * 200}@x.fr>"
    assert long in ids_header("In-Reply-To", [long])
    assert open_mail(build_document_mail(replace(LETTER, answered_id=long))).references == (long,)


def test_a_mailing_without_a_document_is_a_defect_of_ours() -> None:
    with pytest.raises(ValueError, match="has documents"):
        build_document_mail(replace(LETTER, document_codes=()))


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=80)


@given(label=TEXTS, family=TEXTS, given_name=TEXTS)
def test_a_subject_is_one_ascii_line_or_refused(label: str, family: str, given_name: str) -> None:
    try:
        subject = document_subject([label], family=family, given=given_name, birth_date=BIRTH)
    except MailRefused as refused:
        assert refused.code is MailRefusal.HEADER_INJECTION
        return
    assert subject.startswith("XDM/1.0/DDM+")
    assert subject.isascii() and subject.isprintable()
    assert open_mail(build_document_mail(replace(LETTER, subject=subject))).subject == subject


@given(subject=TEXTS, name=TEXTS, text=TEXTS, file_name=TEXTS, nil=TEXTS)
def test_whatever_the_values_no_header_is_added(
    subject: str, name: str, text: str, file_name: str, nil: str
) -> None:
    mail: DocumentMail = replace(
        LETTER,
        subject=subject,
        sender=Address("pfi@ch-a.mssante.fr", name),
        text=text,
        product_reference=nil,
        pdfs=(PdfCopy(f"{file_name}.pdf", PDF),),
    )
    try:
        raw = build_document_mail(mail)
    except MailRefused as refused:
        assert refused.code is MailRefusal.HEADER_INJECTION
        return
    opened = open_mail(raw)
    expected = [header for header, _ in open_mail(build_document_mail(LETTER)).headers]
    assert [header for header, _ in opened.headers] == expected
    assert len(opened.parts) == 3
    assert opened.parts[2].content == PDF


def test_an_answer_holds_the_whole_mail_once_and_its_files_again() -> None:
    refused = build_mdn(REFUSED)
    assert refused.count(RECEIVED) == 1
    opened = open_mail(refused)
    assert [part.content_type for part in opened.parts] == [
        "text/plain", "message/disposition-notification", "message/rfc822",
        "application/zip", "application/pdf",
    ]  # fmt: skip
    assert opened.parts[3].content == archive()
    later = open_mail(build_mdn(replace(REFUSED, flavour=MdnFlavour.V1_1_3)))
    assert len(later.parts) == 3
    assert opened.subject == (
        "[KO Intégration système !][902] "
        "XDM/1.0/DDM+Lettre de liaison a la sortie d'un etabl VIAL Paul 26/11/1978"
    )
    assert opened.is_automatic and opened.answered_id == LETTER.message_id


def test_a_mail_that_could_not_be_opened_is_answered_all_the_same() -> None:
    hostile = b"Subject: x\r\n\r\nnothing"
    raw = build_mdn(replace(REFUSED, original=hostile, opened=None))
    assert raw.count(hostile) == 0, "what stopped us is a file, not a part for another software to open"
    (joined,) = [part for part in open_mail(raw).parts if part.content_type == "application/octet-stream"]
    assert joined.content == hostile
    assert b"Original-Message-ID" not in raw


def test_an_identifier_that_no_header_may_hold_is_not_repeated() -> None:
    original = RECEIVED.replace(LETTER.message_id.encode(), "<é@x>".encode())
    raw = build_mdn(replace(REFUSED, original=original, opened=open_mail(original)))
    assert b"Original-Message-ID" not in raw.partition(b"Content-Type: message/rfc822")[0]


def test_a_mail_of_error_without_an_error_is_a_defect_of_ours() -> None:
    with pytest.raises(ValueError, match="tells an error"):
        build_error_mail(INTEGRATED)
