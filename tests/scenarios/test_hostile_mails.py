"""Hostile mails through the whole chain: mailbox of the operator, IMAP, PFI, MDM, record, answer.

Each is refused with a code that says what and a sentence that says where, kept as it came, told to its sender
where the rules say so; the reader is alive and the next good mail is filed (mssante.md 2.2; security.md 10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from accounts.enums import RoleCode
from accounts.services import assignment_give, roles_install
from audit.context import system_actor
from audit.models import Trace
from documents.models import Document, Reception, Version
from documents.services.importing import ImportBy, dropped_of, import_file, import_open
from interop.mail.reports import ReadReport, parse_report
from mssante.enums import IncomingState
from mssante.models import IncomingMail
from national.mail.imap import ImapReader
from national.mail.opening import lines_close
from pfi.mail_reading import mailboxes_read
from sandbox.demo import PATIENTS
from sandbox.mail.boxes import APPLICATION_BOX, ERROR_BOX
from sandbox.mail.letters import Case
from sandbox.runtime import Sandbox, SandboxSettings
from tests.hospital import MATRICULE, Ward, plug_mail
from tests.scenarios import hostile
from tests.scenarios.hostile import DOCUMENT_PLACE, METADATA_PLACE, SENDER, archive_of, mail_of
from tests.signing_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = next(one for one in PATIENTS if one.matricule != MATRICULE)
JAVASCRIPT = b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"
LAUNCH = b"<< /S /Launch /F (calc.exe) >>"


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the module; its mailboxes are emptied between tests."""
    with Sandbox(SandboxSettings(state=tmp_path_factory.mktemp("sandbox"))) as running:
        yield running


@pytest.fixture
def box(operator: Sandbox, ward: Ward, settings: LazySettings) -> Iterator[Sandbox]:
    settings.INS_ALLOWED_OIDS = ["1.2.250.1.213.1.4.10"]
    plug_mail(operator)
    yield operator
    lines_close()
    for address in (APPLICATION_BOX, ERROR_BOX, SENDER):
        for mail in operator.mail.store.all_mails(address):
            operator.mail.store.delete(mail.id)


def inbox(box: Sandbox, address: str) -> list[bytes]:
    store = box.mail.store
    return [store.content(mail) for mail in reversed(store.all_mails(address))]


def received(box: Sandbox, mail: bytes) -> IncomingMail:
    """Have a mail read, then a good one, which must be filed whatever the first was; the first."""
    stored = box.mail.deposit(APPLICATION_BOX, mail, sender=SENDER)
    whole = box.mail.store.content(stored)
    good = box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    mailboxes_read(worker="reader")
    first, second = IncomingMail.objects.order_by("id")
    assert bytes(first.raw) == whole, "kept as it came"
    assert (second.state, second.message_id) == (IncomingState.DONE, good.message_id)
    assert Document.objects.filter(versions__unique_id=good.letter.unique_id).count() == 1
    return first


def told(box: Sandbox) -> ReadReport:
    """What the sender learnt of the first mail."""
    notices = [parse_report(raw) for raw in inbox(box, SENDER)]
    refusals = [notice for notice in notices if isinstance(notice, ReadReport) and notice.is_error]
    assert len(refusals) == 1
    return refusals[0]


@dataclass(frozen=True)
class Spoiled:
    """An archive, the code of its refusal, and what the sentence names."""

    build: Callable[[], bytes]
    code: str
    place: str = ""


ARCHIVES = {
    "path traversal": Spoiled(lambda: hostile.with_entry("../../etc/passwd"), "xdm:name", "../../etc/passwd"),
    "absolute path": Spoiled(lambda: hostile.with_entry("/etc/passwd"), "xdm:name", "/etc/passwd"),
    "symbolic link": Spoiled(hostile.symlink, "xdm:link", "LIEN"),
    "ratio bomb": Spoiled(hostile.ratio_bomb, "xdm:ratio", METADATA_PLACE),
    "bomb that lies": Spoiled(hostile.lying_size, "xdm:damaged", DOCUMENT_PLACE),
    "too many entries": Spoiled(
        lambda: hostile.zipped([(f"f{number}", b"") for number in range(300)]), "xdm:too_many_entries", "200"
    ),
    "ZIP64 that lies": Spoiled(hostile.wide_directory, "xdm:method", "ZIP64"),
    "archive by its name": Spoiled(lambda: hostile.with_entry("A.ZIP"), "xdm:nested_archive", "A.ZIP"),
    "archive by its bytes": Spoiled(hostile.nested_archive, "xdm:nested_archive", DOCUMENT_PLACE),
    "encrypted": Spoiled(hostile.encrypted, "xdm:encrypted", "SECRET.XML"),
    "no archive at all": Spoiled(lambda: b"MZ" * 5000, "xdm:not_zip"),
    "metadata: XXE": Spoiled(
        lambda: archive_of(1, metadata=hostile.with_doctype(hostile.EXTERNAL)),
        "xdm:metadata:doctype", METADATA_PLACE,
    ),
    "metadata: billion laughs": Spoiled(
        lambda: archive_of(1, metadata=hostile.with_doctype(hostile.LAUGHS)),
        "xdm:metadata:doctype", METADATA_PLACE,
    ),
    "CDA: XXE": Spoiled(
        lambda: archive_of(1, document=hostile.with_doctype(hostile.EXTERNAL, b"&e;")),
        "xdm:not_cda:doctype", DOCUMENT_PLACE,
    ),
    "CDA: parameter entity": Spoiled(
        lambda: archive_of(1, document=hostile.with_doctype(hostile.PARAMETER)),
        "xdm:not_cda:doctype", DOCUMENT_PLACE,
    ),
    "CDA: billion laughs": Spoiled(
        lambda: archive_of(1, document=hostile.with_doctype(hostile.LAUGHS, b"&l9;")),
        "xdm:not_cda:doctype", DOCUMENT_PLACE,
    ),
    "CDA: too deep": Spoiled(
        lambda: archive_of(1, document=hostile.deep), "xdm:not_cda:too_deep", DOCUMENT_PLACE
    ),
    "CDA: no header": Spoiled(
        lambda: archive_of(1, document=lambda data: data.replace(b"<effectiveTime value", b"<when value")),
        "xdm:not_cda:header", DOCUMENT_PLACE,
    ),
    "CDA larger than the limit": Spoiled(
        hostile.too_large_document, "xdm:not_cda:too_large", DOCUMENT_PLACE
    ),
    "CDA of another patient": Spoiled(
        lambda: archive_of(1, patient_of_metadata=OTHER), "xdm:other_patient", DOCUMENT_PLACE
    ),
    "CDA that is not the one announced": Spoiled(
        lambda: archive_of(1, metadata=lambda data: data.replace(b'.7.1.1"', b'.7.1.2"')),
        "xdm:other_id", DOCUMENT_PLACE,
    ),
}  # fmt: skip


@pytest.mark.requirement("SC.MSS/UX.07", "F-PFI-09")
@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_refused_by_what_and_where_and_told_as_906(box: Sandbox, name: str) -> None:
    spoiled = ARCHIVES[name]
    mail = received(box, mail_of(spoiled.build()))
    assert (mail.state, mail.code) == (IncomingState.REFUSED, spoiled.code)
    assert spoiled.place in mail.text
    notice = told(box)
    assert (notice.code, notice.original_message_id) == ("906", mail.message_id)
    steps = Trace.objects.filter(object_uid=mail.uid, type="mssante.incoming", outcome="failure")
    assert steps.get(detail__step="state_refused").detail["code"] == spoiled.code
    assert not Reception.objects.exclude(source_id__in=good_ids()).exists()


def good_ids() -> list[str]:
    """Mails that were filed."""
    return list(IncomingMail.objects.filter(state=IncomingState.DONE).values_list("message_id", flat=True))


MIME = {
    "countless parts": (hostile.many_parts, "mail:too_many_parts"),
    "parts in parts": (hostile.deep_parts, "mail:parts_too_deep"),
    "mails in mails": (hostile.deep_mails, "mail:parts_too_deep"),
    "endless boundary": (hostile.endless_boundary, "mail:boundary_unusable"),
    "huge header": (hostile.huge_header, "mail:headers_too_large"),
    "countless headers": (hostile.countless_headers, "mail:too_many_headers"),
}


@pytest.mark.requirement("F-PFI-09")
@pytest.mark.parametrize("name", MIME)
def test_a_mime_bomb_is_refused_and_told_to_the_mailbox_of_errors_alone(box: Sandbox, name: str) -> None:
    """Nothing of it can be believed, its sender neither: nobody outside is written to."""
    build, code = MIME[name]
    mail = received(box, build())
    assert (mail.state, mail.code) == (IncomingState.REFUSED, code)
    assert all(not notice.is_error for notice in reports(box))
    (raw,) = inbox(box, ERROR_BOX)
    alarm = message_from_bytes(raw, policy=default)
    assert isinstance(alarm, EmailMessage)
    assert "[906]" in alarm["Subject"]
    words, original = alarm.iter_parts()
    assert original.get_content_type() == "application/octet-stream"
    assert original.get_content() == bytes(mail.raw)
    assert mail.text in words.get_content()


def reports(box: Sandbox) -> list[ReadReport]:
    found = [parse_report(raw) for raw in inbox(box, SENDER)]
    return [one for one in found if isinstance(one, ReadReport)]


@pytest.mark.requirement("SC.MSS/UX.07")
@pytest.mark.parametrize("action", [JAVASCRIPT, LAUNCH], ids=["JavaScript", "Launch"])
def test_a_letter_whose_pdf_runs_something_is_refused_by_the_record(box: Sandbox, action: bytes) -> None:
    mail = received(box, mail_of(archive_of(1, pdf=hostile.active_pdf(action))))
    assert (mail.state, mail.code) == (IncomingState.REFUSED, "906")
    assert "script" in mail.text
    assert told(box).code == "906"
    kept = Reception.objects.get(source_id=mail.message_id)
    assert (kept.outcome, kept.code, kept.document) == ("unreadable", "pdf:active_content", None)


@pytest.mark.requirement("F-PFI-09")
@pytest.mark.parametrize(("limit", "joined"), [(9_000, "whole"), (5_000, "headers")])
def test_a_refusal_too_large_to_go_back_whole_still_reaches_its_sender(
    box: Sandbox, settings: LazySettings, limit: int, joined: str
) -> None:
    settings.MSS_MAX_MESSAGE_BYTES = limit
    mail = received(box, mail_of(hostile.with_entry("../x")))
    notice = next(raw for raw in inbox(box, SENDER) if b"906" in raw)
    assert told(box).code == "906"
    assert (bytes(mail.raw) in notice) == (joined == "whole")
    assert len(notice) <= limit + 300  # and what the operator writes above it


def test_headers_that_no_column_holds_stop_no_mailbox(box: Sandbox) -> None:
    """NUL and other controls, words in no charset, addresses without end."""
    odd = hostile.bare_mail(
        b"x",
        content_type='text/plain; charset="\x00x"; name="a\x00b"',
        more=b"Subject: =?utf-8?b?AAAA?= \x00\x1b\r\nFrom: \x00<a\x00b@c.test>\r\nSender: =?x?q?=00?=\r\n"
        b"Message-ID: <" + b"a\x00" * 2000 + b"@x>\r\n",
    )
    mail = received(box, odd)
    assert mail.state == IncomingState.REFUSED


def test_an_operator_that_lies_about_sizes_stops_no_mailbox(
    box: Sandbox, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail above the limit, said to be small: it stays at the operator's, and a person is told."""
    settings.MSS_MAX_MAIL_BYTES = 20_000
    honest = ImapReader.waiting
    monkeypatch.setattr(
        ImapReader, "waiting", lambda self, limit: [replace(one, size=10) for one in honest(self, limit)]
    )
    box.mail.deposit(APPLICATION_BOX, mail_of(b"x" * 30_000), sender=SENDER)
    good = box.letters.send(Case.MATCH, matricule=MATRICULE, author="petit")
    mailboxes_read(worker="reader")
    large, second = IncomingMail.objects.order_by("id")
    assert (large.state, large.code, large.size) == (IncomingState.TO_REVIEW, "MAIL_TOO_LARGE", 20_001)
    assert bytes(large.raw).startswith(b"Return-Path:")
    assert (second.state, second.message_id) == (IncomingState.DONE, good.message_id)
    assert [one.folder for one in box.mail.store.all_mails(APPLICATION_BOX)] == ["Traites", "INBOX"]


SHEETS = {
    "the document is inside the sheet": lambda address, file: archive_of(
        1, document=hostile.self_presenting(address, file)
    ),
    "the document names the sheet": lambda address, file: archive_of(
        1, document=hostile.linked_to_a_sheet(address, file)
    ),
    "the sheet lies beside": lambda address, file: hostile.with_sheet_beside(archive_of(1), address, file),
}


@pytest.mark.requirement("SC.CDA/INT.15")
@pytest.mark.parametrize("name", SHEETS)
def test_a_received_style_sheet_never_runs_neither_filed_nor_shown(
    box: Sandbox, ward: Ward, tmp_path: Path, name: str
) -> None:
    """The document is filed: its sheet reads no file, writes none, calls nobody, and shows nothing.

    One that is inside its sheet is no document for HL7: a person files it, and sees it without the sheet.
    """
    written = tmp_path / "written"
    with listener() as (address, calls):
        mail = received(box, mail_of(SHEETS[name](address, str(written))))
        if mail.state == IncomingState.REFUSED:
            assert (mail.code, told(box).code) == ("SELF_PRESENTING", "906")
            file_by_hand(ward, bytes(mail.raw))
        version = Version.objects.get(unique_id=f"{hostile.OID}.1.1")
        browser = signed_in(ward)
        for page in ("document_view", "preview", "document_pdf"):
            shown = browser.get(reverse(f"dossier:{page}", args=[version.uid]))
            body = shown.getvalue() if shown.streaming else shown.content
            assert shown.status_code == 200
            assert b"RAN" not in body and b"root:" not in body
        assert (
            "sandbox"
            in browser.get(reverse("dossier:document_view", args=[version.uid]))["Content-Security-Policy"]
        )
    assert calls == []
    assert not written.exists()


def file_by_hand(ward: Ward, raw: bytes) -> None:
    """What the page of imports does with a mail that was refused."""
    opened = import_open(user=ward.doctor, actor=ward.actor, content=raw, name="message_original.eml")
    chosen = [one.header.unique_id for one in dropped_of(opened).documents]
    by = ImportBy(ward.doctor, ward.actor, ward.unit)
    import_file(opened=opened, patient=ward.patient, chosen=chosen, motive="", by=by)


def signed_in(ward: Ward) -> Client:
    """The browser of the doctor of the ward."""
    roles_install()
    assignment_give(
        user=ward.doctor,
        role=RoleCode.PRESCRIPTEUR,
        unit=ward.unit,
        giver=None,
        actor=system_actor("tests"),
    )
    return sign_in(Client(), ward.doctor)


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that notes who calls it."""
    calls: list[str] = []

    class Noting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_error(404)

    with ThreadingHTTPServer(("127.0.0.1", 0), Noting) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", calls
        server.shutdown()
        thread.join()
