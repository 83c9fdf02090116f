"""Letters that doctors in town send to the hospital, as a demonstration or a test asks for them.

A letter matches the patient, or differs by one trait, or names nobody the hospital knows, or has no INS; it
may replace or withdraw one sent before. What was sent is kept: a replacement must name it, after a restart
too.
"""

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sandbox.codes import OID_TOWN
from sandbox.demo import PROFESSIONALS, DmpState, Patient, Professional
from sandbox.mail.archive import build_archive
from sandbox.mail.boxes import APPLICATION_BOX, Directory
from sandbox.mail.cda_letter import Letter, build_letter
from sandbox.mail.notices import new_message_id
from sandbox.mail.operator import MailOperator
from sandbox.mail.pdf import text_pdf
from sandbox.storage import Journal

_PARIS: Final = ZoneInfo("Europe/Paris")
TITLE: Final = "Compte rendu de consultation"
_UNKNOWN_MATRICULE: Final = "176017512345662"


class Case(StrEnum):
    """What the hospital should make of a letter."""

    MATCH = "match"
    OTHER_TRAIT = "other_trait"
    UNKNOWN = "unknown"
    NO_INS = "no_ins"
    REPLACE = "replace"
    DELETE = "delete"


class LetterError(ValueError):
    """No such patient, author or former letter."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter that left; `document` is its last version, for a withdrawal."""

    letter: Letter
    message_id: str
    case: Case


class LetterBox:
    """Sends letters to the application mailbox of the hospital."""

    def __init__(self, folder: Path, operator: MailOperator) -> None:
        self._operator = operator
        self._journal = Journal(folder / "letters.jsonl")
        self._lock = threading.Lock()
        self._sent: list[Sent] = []
        self._number = 0
        for entry in self._journal.entries():
            self._apply(entry)

    def close(self) -> None:
        self._journal.close()

    @property
    def directory(self) -> Directory:
        return self._operator.directory

    def authors(self) -> tuple[Professional, ...]:
        """Doctors who have a mailbox in town."""
        return tuple(person for person in PROFESSIONALS if person.mailbox)

    def patients(self) -> list[Patient]:
        """Persons whom a letter may be about."""
        return self.directory.patients()

    def sent(self) -> list[Sent]:
        """Letters that left, the newest first."""
        return list(reversed(self._sent))

    def send(
        self,
        case: Case,
        *,
        matricule: str = "",
        author: str = "",
        unique_id: str = "",
        recipient: str = APPLICATION_BOX,
        wants_receipt: bool = True,
    ) -> Sent:
        """Deposit a letter. LetterError for a patient, an author or a former letter that is unknown."""
        with self._lock:
            letter = self._letter(case, matricule, author, unique_id)
            message_id = new_message_id(letter.author.mailbox)
            mail = mail_of(letter, case, message_id, recipient, wants_receipt=wants_receipt)
            self._operator.deposit(recipient, mail, sender=letter.author.mailbox)
            entry = _entry(letter, message_id, case)
            self._journal.append(entry)
            self._apply(entry)
            return self._sent[-1]

    def _letter(self, case: Case, matricule: str, author: str, unique_id: str) -> Letter:
        if case in (Case.REPLACE, Case.DELETE):
            former = next((one.letter for one in self.sent() if one.letter.unique_id == unique_id), None)
            if former is None:
                raise LetterError("no such letter")
            if case is Case.DELETE:
                return former
            return replace(
                former,
                unique_id=self._new_id(),
                version=former.version + 1,
                replaced_id=former.unique_id,
                written_at=_now(),
            )
        person = next((one for one in self.patients() if one.matricule == matricule), None)
        writer = next((one for one in self.authors() if author in ("", one.key)), None)
        if person is None or writer is None:
            raise LetterError("no such patient or author")
        return Letter(
            unique_id=self._new_id(),
            set_id=f"{OID_TOWN}.2.{self._number}",
            version=1,
            title=TITLE,
            author=writer,
            patient=_as_told(person, case),
            written_at=_now(),
            has_ins=case is not Case.NO_INS,
        )

    def _new_id(self) -> str:
        self._number += 1
        return f"{OID_TOWN}.1.{self._number}"

    def _apply(self, entry: dict[str, Any]) -> None:
        writer = next(one for one in PROFESSIONALS if one.key == entry["author"])
        values = entry["patient"] | {"state": DmpState(entry["patient"]["state"])}
        letter = Letter(
            **entry["letter"],
            author=writer,
            patient=Patient(**values),
            written_at=datetime.fromisoformat(entry["written_at"]),
        )
        self._number = max(self._number, int(letter.unique_id.rpartition(".")[2]))
        self._sent.append(Sent(letter, entry["message_id"], Case(entry["case"])))


def mail_of(
    letter: Letter, case: Case, message_id: str, recipient: str, *, wants_receipt: bool = True
) -> bytes:
    """The whole mail of a letter, as a software of town writes it."""
    person = letter.patient
    written = f"{letter.written_at:%d/%m/%Y}"
    lines = [
        f"Patient : {person.family} {person.given}, né(e) le {_french(person.birth_date)}",
        f"Consultation du {written}, version {letter.version}",
        f"Dr {letter.author.given} {letter.author.family}, {letter.author.site.name}",
        "",
        "Cher confrère, j'ai revu ce patient en consultation. État stable, traitement inchangé.",
        "Document de démonstration : aucune donnée réelle.",
    ]
    pdf = text_pdf(letter.title, lines)
    document = build_letter(letter, pdf)
    action = {Case.REPLACE: "C", Case.DELETE: "D"}.get(case, "")
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f'"Dr {letter.author.given} {letter.author.family}" <{letter.author.mailbox}>'
    mail["To"] = recipient
    mail["Subject"] = (
        f"XDM/1.0/DDM+CR ou fiche de consultation ou de visite {person.family} {person.given} "
        f"{_french(person.birth_date)}"
    )
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = message_id
    mail["X-MSS-NIL"] = "SANDBOX"
    mail["X-MSS-INS"] = "O" if letter.has_ins else "N"
    mail["X-MSS-CODECDA"] = "11488-4"
    if wants_receipt:
        mail["Disposition-Notification-To"] = letter.author.mailbox
    mail.set_content(_body(case, written))
    mail.add_attachment(
        build_archive(letter, document, action=action),
        maintype="application",
        subtype="zip",
        filename="IHE_XDM.zip",
    )
    name = f"{letter.written_at:%Y%m%d}_CR de consultation_{person.family}_{person.given}.pdf"
    mail.add_attachment(pdf, maintype="application", subtype="pdf", filename=name)
    return mail.as_bytes()


def _as_told(person: Patient, case: Case) -> Patient:
    """The person as the letter names them."""
    if case is Case.OTHER_TRAIT:
        return replace(person, birth_place="99999" if person.birth_place != "99999" else "75056")
    if case is Case.UNKNOWN:
        return replace(person, matricule=_UNKNOWN_MATRICULE, family="INCONNU")
    return person


def _body(case: Case, written: str) -> str:
    if case is Case.REPLACE:
        return f"Ce document annule et remplace celui transmis auparavant (consultation du {written})."
    if case is Case.DELETE:
        return f"DEMANDE DE SUPPRESSION : le document du {written} a été transmis par erreur."
    return "Cher confrère, veuillez trouver le compte rendu de consultation de notre patient commun."


def _entry(letter: Letter, message_id: str, case: Case) -> dict[str, Any]:
    person = letter.patient
    return {
        "letter": {
            "unique_id": letter.unique_id,
            "set_id": letter.set_id,
            "version": letter.version,
            "title": letter.title,
            "replaced_id": letter.replaced_id,
            "has_ins": letter.has_ins,
        },
        "author": letter.author.key,
        "patient": {
            "matricule": person.matricule,
            "family": person.family,
            "given": person.given,
            "birth_date": person.birth_date,
            "sex": person.sex,
            "state": person.state.value,
            "oid": person.oid,
            "given_names": person.given_names,
            "birth_place": person.birth_place,
        },
        "written_at": letter.written_at.isoformat(),
        "message_id": message_id,
        "case": case.value,
    }


def _now() -> datetime:
    return datetime.now(_PARIS).replace(microsecond=0)


def _french(day: str) -> str:
    year, month, date = day.split("-")
    return f"{date}/{month}/{year}"
