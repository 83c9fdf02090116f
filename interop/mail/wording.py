"""Words that a mail carries in its headers and file names: ASCII, one line, nothing to inject.

Source: mssante.md 1.5 (subject, file name); security.md 19 (header injection).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date

from interop.mail import codes
from interop.mail.errors import MailRefusal, MailRefused

_MAX_NAME_LENGTH = 150
# What NFKD does not open, and the French typography of labels.
_ASCII_OF = str.maketrans(
    {
        "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
        "đ": "d", "Đ": "D", "’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-",
        "—": "-", "‑": "-", "…": "...",
    }
)  # fmt: skip
_NOT_IN_FILE_NAMES = frozenset('/\\:*?"<>|')


def one_line(value: str, place: str) -> str:
    """Return a value that came from a document or a form, blanks collapsed.

    Raises:
        MailRefused: it holds a line end or another control character, which would open a header of its own.
    """
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in value):
        raise MailRefused(
            MailRefusal.HEADER_INJECTION, place, "Un saut de ligne ou un caractère de commande est refusé"
        )
    return " ".join(value.split())


def to_ascii(value: str) -> str:
    """Return a text without diacritics; what has no ASCII form is dropped."""
    opened = unicodedata.normalize("NFKD", value.translate(_ASCII_OF))
    return " ".join(opened.encode("ascii", "ignore").decode("ascii").split())


def document_subject(labels: Sequence[str], *, family: str, given: str, birth_date: date | None) -> str:
    """Return the subject of a document mailing (ECO.2.1.3): marker, label, NOM, prénom, date of birth.

    `labels` are the `code/@displayName` of the documents: one is named and cut at 40 characters, several
    are counted. A part that is not known is left out.

    Raises:
        MailRefused: a value holds a line end.
    """
    label = to_ascii(one_line(labels[0], "Subject")) if len(labels) == 1 else f"{len(labels)} documents"
    parts = (
        label[: codes.SUBJECT_LABEL_LENGTH].strip() or "Document",
        to_ascii(one_line(family, "Subject")).upper(),
        to_ascii(one_line(given, "Subject")),
        f"{birth_date:%d/%m/%Y}" if birth_date else "",
    )
    return codes.SUBJECT_MARKER + " ".join(part for part in parts if part)


def pdf_name(
    *, act_date: date, label: str, family: str, given: str, record_number: str = "", rank: int = 0
) -> str:
    """Return the name of a PDF copy (ECO.2.1.6): `<acte>_<type>_<NOM>_<prénom>[_<dossier>].pdf`.

    Accents stay (RFC 2231 carries them). `rank` tells apart the copies of one mail that would have one name.

    Raises:
        MailRefused: a value holds a line end.
    """
    words = [f"{act_date:%Y%m%d}", label, family.upper(), given, record_number]
    kept = [word for word in (_file_word(word) for word in words) if word]
    name = "_".join(kept)[:_MAX_NAME_LENGTH].rstrip(" ._")
    return f"{name}-{rank}.pdf" if rank else f"{name}.pdf"


def _file_word(value: str) -> str:
    """A part of a file name: what a file system or the separator would take for its own is a blank."""
    line = one_line(value, "filename")
    cleared = "".join(" " if character in _NOT_IN_FILE_NAMES or character == "_" else character
                      for character in line)  # fmt: skip
    visible = "".join(character for character in cleared if unicodedata.category(character)[0] != "C")
    return " ".join(visible.split()).strip(" .")
