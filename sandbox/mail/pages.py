"""Pages of the mailboxes: what each holds, each mail opened, an answer, and a letter to the hospital."""

import email
import email.message
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from http import HTTPStatus
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from lxml import etree
from lxml.html import builder as E  # noqa: N812 - the name under which lxml documents it

from sandbox.dmp.cda import read_pdf
from sandbox.html import error_page, page
from sandbox.mail.archive import read_archive
from sandbox.mail.boxes import APPLICATION_BOX, Box, Kind
from sandbox.mail.letters import Case, LetterBox, LetterError
from sandbox.mail.notices import Receipt, plain_mail
from sandbox.mail.operator import MailOperator
from sandbox.mail.store import StoredMail
from sandbox.serving import Request, Response, redirect
from sandbox.xml import XmlError

PREFIX: Final = "/messagerie/"
SERVICE: Final = "Opérateur MSSanté"
_PARIS: Final = ZoneInfo("Europe/Paris")
_KINDS: Final = {
    Kind.APPLICATION: "applicative",
    Kind.ORGANISATION: "organisationnelle",
    Kind.PERSON: "personnelle",
    Kind.PATIENT: "patient",
}
_CASES: Final = {
    Case.MATCH: "dont tous les traits sont ceux du patient",
    Case.OTHER_TRAIT: "dont le lieu de naissance diffère",
    Case.UNKNOWN: "d’une personne inconnue de l’hôpital",
    Case.NO_INS: "sans matricule INS",
}
_SHOWN_HEADERS: Final = frozenset(
    {
        "from", "to", "reply-to", "subject", "date", "message-id", "in-reply-to", "references",
        "disposition-notification-to", "return-receipt-to", "auto-submitted", "return-path",
        "x-mss-codecda", "x-mss-ins", "x-mss-nil", "x-mss-mes",
    }
)  # fmt: skip
_MAX_TEXT: Final = 20_000
_MAX_LEVELS: Final = 40


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a mail, by its number."""

    number: int
    name: str
    kind: str
    content: bytes


class MailPages:
    """Routes below `/messagerie/`. Calling it gives an answer, or None for another address."""

    def __init__(self, operator: MailOperator, letters: LetterBox) -> None:
        self._operator = operator
        self._letters = letters

    def __call__(self, request: Request) -> Response | None:
        if not request.path.startswith(PREFIX):
            return None
        match request.method, request.path.removeprefix(PREFIX).rstrip("/").split("/"):
            case "GET", [""]:
                return self._boxes()
            case "GET", ["boite", address]:
                return self._box(address)
            case "GET", ["courriel", number]:
                return self._mail(number)
            case "GET", ["courriel", number, "piece", piece]:
                return self._piece(number, piece)
            case "GET", ["courriel", number, "piece", piece, entry, *form]:
                return self._entry(number, piece, entry, is_pdf=form == ["pdf"])
            case "POST", ["courriel", number, "lire"]:
                return self._read(number)
            case "POST", ["courriel", number, "repondre"]:
                return self._reply(number, request.form().get("texte", ""))
            case "GET", ["ecrire"]:
                return self._letter_form()
            case "POST", ["ecrire"]:
                return self._send_letter(request.form())
        return _not_found()

    # Mailboxes

    def _boxes(self) -> Response:
        boxes = self._operator.directory.boxes()
        own = [box for box in boxes if box.kind is not Kind.PATIENT]
        patients = [box for box in boxes if box.kind is Kind.PATIENT]
        patients.sort(key=lambda box: (-self._operator.store.count(box.address), box.label))
        columns = ("Boîte", "Type", "Titulaire", "Courriels")
        write = E.P(E.A("Écrire à l’hôpital au nom d’un médecin de ville", href=f"{PREFIX}ecrire"))
        return page(
            "Boîtes aux lettres",
            write,
            _table("Hôpital et médecins", columns, [self._box_row(box) for box in own]),
            _table("Patients (Mon espace santé)", columns, [self._box_row(box) for box in patients]),
            E.P(E.A("Accueil", href="/")),
            service=SERVICE,
        )

    def _box_row(self, box: Box) -> etree._Element:
        count = self._operator.store.count(box.address)
        return E.TR(
            E.TH(E.A(box.address, href=_box_url(box.address)), scope="row"),
            E.TD(_KINDS[box.kind]),
            E.TD(box.label),
            E.TD(str(count) if count else "aucun"),
        )

    def _box(self, address: str) -> Response:
        box = self._operator.directory.box(address)
        if box is None:
            return _not_found()
        rows = [self._mail_row(mail) for mail in self._operator.store.all_mails(box.address)]
        content: list[etree._Element] = [E.P(f"{box.label}, boîte {_KINDS[box.kind]}.", E.CLASS("muted"))]
        if rows:
            content.append(_table("Courriels", ("Objet", "De", "Reçu le", "Dossier", "État"), rows))
        else:
            content.append(E.P("Aucun courriel."))
        content.append(E.P(E.A("Toutes les boîtes", href=PREFIX)))
        return page(box.address, *content, service=SERVICE)

    def _mail_row(self, mail: StoredMail) -> etree._Element:
        opened = self._opened(mail)
        received = datetime.fromisoformat(mail.received_at).astimezone(_PARIS)
        return E.TR(
            E.TH(E.A(_subject(opened) or "(sans objet)", href=_mail_url(mail)), scope="row"),
            E.TD(_header(opened, "From")),
            E.TD(received.strftime("%d/%m/%Y %H:%M:%S")),
            E.TD("Boîte de réception" if mail.folder == "INBOX" else mail.folder),
            E.TD(_state(mail)),
        )

    # One mail

    def _mail(self, number: str) -> Response:
        mail = self._stored(number)
        if mail is None:
            return _not_found()
        opened = self._opened(mail)
        text = _text(opened)
        content = [
            _headers(opened),
            E.H2("Texte"),
            E.PRE(text[:_MAX_TEXT] or "(vide)"),
            *self._attachments(mail, opened),
            *self._actions(mail, opened),
            E.P(E.A("Retour à la boîte", href=_box_url(mail.box))),
        ]
        return page(_subject(opened) or "Courriel sans objet", *content, service=SERVICE)

    def _attachments(self, mail: StoredMail, opened: EmailMessage) -> Iterator[etree._Element]:
        pieces = list(_pieces(opened))
        if not pieces:
            return
        yield E.H2("Pièces jointes")
        for piece in pieces:
            link = E.A(piece.name, href=f"{_mail_url(mail)}/piece/{piece.number}")
            yield E.P(link, f" ({piece.kind}, {len(piece.content)} octets)")
            if piece.name.lower().endswith(".zip"):
                yield _archive_list(mail, piece)

    def _actions(self, mail: StoredMail, opened: EmailMessage) -> Iterator[etree._Element]:
        box = self._operator.directory.box(mail.box)
        if box is None or box.kind in (Kind.APPLICATION, Kind.ORGANISATION):
            return
        yield E.H2("Répondre")
        if "$MDNSent" in mail.flags:
            yield E.P(
                "Ce courriel a été lu ; l’accusé de lecture est parti s’il était demandé.", role="status"
            )
        else:
            yield E.FORM(
                E.BUTTON("Lire", E.CLASS("primary"), type="submit"),
                method="post",
                action=f"{_mail_url(mail)}/lire",
            )
        if box.kind is Kind.PATIENT and _header(opened, "X-MSS-MES").strip() == "FIN":
            yield E.P(
                "L’établissement n’attend pas de réponse à ce message (X-MSS-MES : FIN).", E.CLASS("notice")
            )
            return
        yield E.FORM(
            E.P(
                E.LABEL("Votre réponse ", E.FOR("texte")),
                E.TEXTAREA(name="texte", id="texte", rows="4", cols="60", required="required"),
            ),
            E.BUTTON("Répondre", type="submit"),
            method="post",
            action=f"{_mail_url(mail)}/repondre",
        )

    def _piece(self, number: str, piece: str) -> Response:
        found = self._find_piece(number, piece)
        if found is None:
            return _not_found()
        return _bytes(found.content, found.name)

    def _entry(self, number: str, piece: str, entry: str, *, is_pdf: bool) -> Response:
        """A file of an archive by its place, or the PDF of a document."""
        found = self._find_piece(number, piece)
        try:
            entries = read_archive(found.content) if found is not None else []
        except ValueError:
            entries = []
        if not entry.isdecimal() or int(entry) >= len(entries):
            return _not_found()
        name, content = entries[int(entry)]
        if is_pdf:
            pdf = _pdf_of(content)
            return _bytes(pdf, "document.pdf") if pdf is not None else _not_found()
        return _bytes(content, name)

    def _find_piece(self, number: str, piece: str) -> Piece | None:
        mail = self._stored(number)
        if mail is None:
            return None
        return next((one for one in _pieces(self._opened(mail)) if str(one.number) == piece), None)

    # What a person does

    def _read(self, number: str) -> Response:
        mail = self._stored(number)
        if mail is None:
            return _not_found()
        self._operator.answer(mail, Receipt("displayed"))
        return redirect(_mail_url(mail))

    def _reply(self, number: str, text: str) -> Response:
        mail = self._stored(number)
        if mail is None or not text.strip():
            return _not_found()
        opened = self._opened(mail)
        to = _address(_header(opened, "Reply-To")) or _address(_header(opened, "From"))
        answer = plain_mail(
            sender=mail.box,
            to=to,
            subject=f"RE: {_subject(opened)}",
            text=text,
            answered=_header(opened, "Message-ID").strip(),
        )
        try:
            self._operator.deposit(to, answer, sender=mail.box)
        except KeyError:
            return error_page("Réponse impossible", f"La boîte {to} n’existe pas.", service=SERVICE)
        return redirect(_box_url(mail.box))

    def _letter_form(self, problem: str = "") -> Response:
        patients = sorted(self._letters.patients(), key=lambda person: (person.family, person.given))
        people = [
            E.OPTION(f"{person.family} {person.given} ({person.matricule})", value=person.matricule)
            for person in patients
        ]
        authors = [E.OPTION(f"Dr {one.given} {one.family}", value=one.key) for one in self._letters.authors()]
        cases = [E.OPTION(label, value=case.value) for case, label in _CASES.items()]
        content = [E.P(problem, E.CLASS("error"), role="alert")] if problem else []
        first = E.FORM(
            E.H2("Une nouvelle lettre"),
            _field("De", "author", E.SELECT(*authors, name="author", id="author")),
            _field("Au sujet de", "matricule", E.SELECT(*people, name="matricule", id="matricule")),
            _field("Une lettre", "case", E.SELECT(*cases, name="case", id="case")),
            E.BUTTON("Envoyer à l’hôpital", E.CLASS("primary"), type="submit"),
            method="post",
            action=f"{PREFIX}ecrire",
        )
        return page(
            "Écrire à l’hôpital",
            *content,
            E.P(f"Le courriel est déposé dans la boîte {APPLICATION_BOX}.", E.CLASS("muted")),
            first,
            *self._follow_form(),
            E.P(E.A("Toutes les boîtes", href=PREFIX)),
            service=SERVICE,
        )

    def _follow_form(self) -> Iterator[etree._Element]:
        replaced = {one.letter.replaced_id for one in self._letters.sent()}
        last = [
            one
            for one in self._letters.sent()
            if one.letter.unique_id not in replaced and one.case is not Case.DELETE
        ]
        if not last:
            return
        options = [
            E.OPTION(
                f"{one.letter.patient.family} {one.letter.patient.given}, version {one.letter.version} "
                f"du {one.letter.written_at:%d/%m/%Y %H:%M}",
                value=one.letter.unique_id,
            )
            for one in last
        ]
        yield E.FORM(
            E.H2("Revenir sur une lettre envoyée"),
            _field("Lettre", "unique_id", E.SELECT(*options, name="unique_id", id="unique_id")),
            E.BUTTON("Envoyer une version corrigée", type="submit", name="case", value=Case.REPLACE.value),
            " ",
            E.BUTTON("Demander sa suppression", type="submit", name="case", value=Case.DELETE.value),
            method="post",
            action=f"{PREFIX}ecrire",
        )

    def _send_letter(self, form: dict[str, str]) -> Response:
        try:
            self._letters.send(
                Case(form.get("case", "")),
                matricule=form.get("matricule", ""),
                author=form.get("author", ""),
                unique_id=form.get("unique_id", ""),
            )
        except (LetterError, ValueError):
            return self._letter_form("Choisissez un médecin, un patient et une lettre de la liste.")
        return redirect(_box_url(APPLICATION_BOX))

    def _stored(self, number: str) -> StoredMail | None:
        return self._operator.store.mail(int(number)) if number.isdecimal() else None

    def _opened(self, mail: StoredMail) -> EmailMessage:
        return open_message(self._operator.store.content(mail))


def open_message(content: bytes) -> EmailMessage:
    """A mail as the library reads it; one that it cannot read is shown as its bytes."""
    # The library reads each line once for every level that is open.
    if content.lower().count(b"boundary=") <= _MAX_LEVELS:
        try:
            return email.message_from_bytes(content, _class=EmailMessage, policy=default)
        except (ValueError, LookupError, RecursionError, IndexError):
            pass
    shown = EmailMessage(policy=default)
    shown.set_content(content[:_MAX_TEXT].decode("utf-8", "replace"))
    return shown


def _pieces(opened: EmailMessage) -> Iterator[Piece]:
    """Files, and the mails inside, numbered in order."""
    for number, part in enumerate(opened.walk(), start=1):
        kind = part.get_content_type()
        name = _printable(part.get_filename() or "")
        if part.is_multipart() and kind != "message/rfc822":
            continue
        if kind == "message/rfc822":
            yield Piece(number, name or "message_original.eml", kind, _nested(part))
        elif name or part.get_content_maintype() not in ("text", "multipart"):
            payload = part.get_payload(decode=True)
            yield Piece(number, name or kind, kind, payload if isinstance(payload, bytes) else _raw(part))


def _nested(part: email.message.Message) -> bytes:
    inside = part.get_payload()
    first = inside[0] if isinstance(inside, list) and inside else None
    return first.as_bytes() if isinstance(first, email.message.Message) else b""


def _raw(part: email.message.Message) -> bytes:
    return str(part.get_payload()).encode()


def _archive_list(mail: StoredMail, piece: Piece) -> etree._Element:
    try:
        entries = read_archive(piece.content)
    except ValueError:
        return E.P("Archive illisible.", E.CLASS("error"))
    items = []
    for place, (name, content) in enumerate(entries):
        address = f"{_mail_url(mail)}/piece/{piece.number}/{place}"
        line = [E.A(name, href=address)]
        if _pdf_of(content) is not None:
            line += [" : ", E.A("document (PDF)", href=f"{address}/pdf")]
        items.append(E.LI(*line))
    return E.UL(*items)


def _pdf_of(content: bytes) -> bytes | None:
    if b"ClinicalDocument" not in content[:2000]:
        return None
    try:
        return read_pdf(content)
    except XmlError:
        return None


def _bytes(content: bytes, name: str) -> Response:
    """A file for the browser: a PDF is shown, anything else is text, never a page of somebody else's."""
    is_pdf = content.startswith(b"%PDF")
    kind = "application/pdf" if is_pdf else "text/plain; charset=utf-8"
    if name.lower().endswith(".zip"):
        kind = "application/zip"
    return Response(HTTPStatus.OK, content, kind, (("X-Content-Type-Options", "nosniff"),))


def _headers(opened: EmailMessage) -> etree._Element:
    shown = [
        (name, _printable(str(value))) for name, value in opened.items() if name.lower() in _SHOWN_HEADERS
    ]
    pairs = [element for name, value in shown for element in (E.DT(name), E.DD(" ".join(value.split())))]
    return E.DL(*pairs)


def _text(opened: EmailMessage) -> str:
    try:
        body = opened.get_body(("plain", "html"))
        return _printable(str(body.get_content())) if body is not None else ""
    except (KeyError, LookupError, ValueError, AttributeError):
        return ""


def _header(opened: EmailMessage, name: str) -> str:
    return _printable(str(opened.get(name, "")))


def _printable(text: str) -> str:
    """A text without what no page can hold."""
    text = text.replace("\r\n", "\n")
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)


def _subject(opened: EmailMessage) -> str:
    return " ".join(_header(opened, "Subject").split())


def _address(value: str) -> str:
    found = getaddresses([value])
    return found[0][1] if found else ""


def _state(mail: StoredMail) -> str:
    if "$MSSProcessed" in mail.flags:
        return "traité"
    return "lu" if "\\Seen" in mail.flags else "non lu"


def _field(label: str, name: str, control: etree._Element) -> etree._Element:
    return E.P(E.LABEL(f"{label} ", E.FOR(name)), control)


def _table(caption: str, columns: tuple[str, ...], rows: list[etree._Element]) -> etree._Element:
    head = E.TR(*(E.TH(column, scope="col") for column in columns))
    return E.DIV(E.TABLE(E.CAPTION(caption), E.THEAD(head), E.TBODY(*rows)), E.CLASS("scroll"))


def _box_url(address: str) -> str:
    return f"{PREFIX}boite/{quote(address, safe='')}"


def _mail_url(mail: StoredMail) -> str:
    return f"{PREFIX}courriel/{mail.id}"


def _not_found() -> Response:
    text = "Cette boîte ou ce courriel n’existe pas."
    return error_page("Introuvable", text, service=SERVICE, status=HTTPStatus.NOT_FOUND)
