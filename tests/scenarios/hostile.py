"""Mails that an enemy, or a broken software, may send to a hospital: made here, never kept as files.

Sources: security.md 10.4 and 20, mssante.md 2.2. Each begins as a good letter of the sandbox, and one thing
of it is spoiled: what is refused is that thing.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from interop.xdm.codes import METADATA
from sandbox.demo import PATIENTS, PROFESSIONALS, Patient, Professional
from sandbox.mail.archive import build_archive
from sandbox.mail.boxes import APPLICATION_BOX
from sandbox.mail.cda_letter import Letter, build_letter
from sandbox.mail.notices import new_message_id
from sandbox.mail.pdf import text_pdf
from tests.hospital import MATRICULE
from tests.interop.xdm.samples import files_of, zipped

SUBSET: Final = "IHE_XDM/SUBSET01"
METADATA_PLACE: Final = f"{SUBSET}/{METADATA}"
DOCUMENT_PLACE: Final = f"{SUBSET}/DOC00001.XML"
SENDER: Final = "bernard.petit@medecin.mssante.test"
OID: Final = "1.2.250.1.999.7"
Change = Callable[[bytes], bytes]


def _unchanged(data: bytes) -> bytes:
    return data


def letter_of(number: int, matricule: str = MATRICULE) -> Letter:
    """A letter of the doctor in town about the patient of the ward."""
    patient: Patient = next(one for one in PATIENTS if one.matricule == matricule)
    author: Professional = next(one for one in PROFESSIONALS if one.key == "petit")
    return Letter(
        unique_id=f"{OID}.1.{number}",
        set_id=f"{OID}.2.{number}",
        version=1,
        title="Compte rendu de consultation",
        author=author,
        patient=patient,
        written_at=datetime(2026, 3, 6, 10, tzinfo=UTC),
    )


def archive_of(
    number: int,
    *,
    document: Change = _unchanged,
    metadata: Change = _unchanged,
    pdf: bytes | None = None,
    patient_of_metadata: Patient | None = None,
) -> bytes:
    """IHE_XDM.zip of a letter; `document` and `metadata` change what is written there.

    Size and hash in the metadata are always those of the document as it is: nothing hides behind them.
    """
    letter = letter_of(number)
    content = document(build_letter(letter, pdf or text_pdf(letter.title, ["Une ligne."])))
    told = replace(letter, patient=patient_of_metadata) if patient_of_metadata else letter
    files = files_of(build_archive(told, content))
    files[METADATA_PLACE] = metadata(files[METADATA_PLACE])
    return zipped(files)


def with_entry(name: str | zipfile.ZipInfo, content: bytes = b"x") -> bytes:
    """A good archive with one entry more."""
    return zipped([*files_of(archive_of(1)).items(), (name, content)])


def symlink() -> bytes:
    info = zipfile.ZipInfo("IHE_XDM/SUBSET01/LIEN")
    info.external_attr = 0o120777 << 16
    return with_entry(info, b"/etc/passwd")


def encrypted() -> bytes:
    """The flag of encryption on the last entry, in both its headers."""
    data = bytearray(with_entry("IHE_XDM/SUBSET01/SECRET.XML"))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(mark) + offset] |= 1
    return bytes(data)


def wide_directory() -> bytes:
    """A ZIP64 directory that says a million entries, under an ordinary one that says four."""
    data = archive_of(1)
    end = data.rindex(b"PK\x05\x06")
    size, start = struct.unpack_from("<II", data, end + 12)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 10**6, 10**6, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return data[:end] + wide + locator + data[end:]


def lying_size() -> bytes:
    """A bomb whose directory says that it inflates to nothing much."""
    bomb = bytearray(_bomb(DOCUMENT_PLACE))
    place = bomb.rindex(DOCUMENT_PLACE.encode()) - 46
    struct.pack_into("<I", bomb, place + 24, 100)
    return bytes(bomb)


def _bomb(place: str) -> bytes:
    files = files_of(archive_of(1))
    files[place] = files[place] + b" " * 20_000_000
    return zipped(files)


def ratio_bomb() -> bytes:
    return _bomb(METADATA_PLACE)


def nested_archive() -> bytes:
    """The document that the metadata names is an archive under another name."""
    files = files_of(archive_of(1))
    inner = zipped({"a": b"x"})
    files[METADATA_PLACE] = _described(files, inner)
    files[DOCUMENT_PLACE] = inner
    return zipped(files)


def too_large_document() -> bytes:
    """A CDA above 45 MB whose archive is small enough and not abnormally compressed."""
    half = bytes(range(256)).hex().encode() * 4
    noise = b"".join(hashlib.sha256(b"%d" % number).hexdigest().encode() + half for number in range(22_500))

    def grown(content: bytes) -> bytes:
        return content.replace(b"</ClinicalDocument>", b"<!--" + noise + b"--></ClinicalDocument>")

    return archive_of(1, document=grown)


def _described(files: dict[str, bytes], content: bytes) -> bytes:
    """The metadata with the size and hash of another content of the document."""
    former = files[DOCUMENT_PLACE]
    pairs = (
        (str(len(former)), str(len(content))),
        (_sha1(former), _sha1(content)),
    )
    metadata = files[METADATA_PLACE]
    for old, new in pairs:
        metadata = metadata.replace(f">{old}<".encode(), f">{new}<".encode())
    return metadata


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def with_doctype(subset: bytes, use: bytes = b"") -> Change:
    """A DOCTYPE before the root, and where it is used."""

    def changed(data: bytes) -> bytes:
        declaration, _, rest = data.partition(b"?>")
        body = rest.replace(b"</title>", use + b"</title>", 1) if use else rest
        return declaration + b"?><!DOCTYPE x [" + subset + b"]>" + body

    return changed


EXTERNAL: Final = b'<!ENTITY e SYSTEM "file:///etc/passwd">'
PARAMETER: Final = b'<!ENTITY % p SYSTEM "http://127.0.0.1:1/p.dtd"> %p;'
LAUGHS: Final = b'<!ENTITY l0 "lol">' + b"".join(
    b'<!ENTITY l%d "%s">' % (number, b"&l%d;" % (number - 1) * 10) for number in range(1, 10)
)


SHEET: Final = b"""<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
 xmlns:exsl="http://exslt.org/common" extension-element-prefixes="exsl">
<xsl:include href="%(address)s/include.xsl"/>
<xsl:template match="/"><exsl:document href="file://%(file)s">written</exsl:document>
<html><body>RAN<script>RAN()</script><xsl:copy-of select="document('file:///etc/passwd')"/>
<xsl:copy-of select="document('%(address)s/data.xml')"/></body></html></xsl:template>"""


def self_presenting(address: str, file: str) -> Change:
    """The document inside the style sheet that would show it, and that would read, write and call out."""

    def changed(data: bytes) -> bytes:
        declaration, _, body = data.partition(b"?>")
        sheet = SHEET % {b"address": address.encode(), b"file": file.encode()}
        link = b'<?xml-stylesheet type="text/xsl" href="#"?>'
        return declaration + b"?>" + link + sheet + body + b"</xsl:stylesheet>"

    return changed


def linked_to_a_sheet(address: str, file: str) -> Change:
    """A document that asks for a style sheet of elsewhere."""

    def changed(data: bytes) -> bytes:
        declaration, _, body = data.partition(b"?>")
        links = b'<?xml-stylesheet type="text/xsl" href="%s/sheet.xsl"?>' % address.encode()
        return declaration + b"?>" + links + b'<?xml-stylesheet href="file:///etc/passwd"?>' + body

    return changed


def with_sheet_beside(archive: bytes, address: str, file: str) -> bytes:
    """The archive carries the style sheet as a file of its own."""
    sheet = SHEET % {b"address": address.encode(), b"file": file.encode()} + b"</xsl:stylesheet>"
    return zipped(files_of(archive) | {f"{SUBSET}/SHEET.XSL": sheet, f"{SUBSET}/DOC00001.XSL": sheet})


def deep(data: bytes) -> bytes:
    """Elements nested beyond the limit."""
    return data.replace(b"</ClinicalDocument>", b"<a>" * 300 + b"</a>" * 300 + b"</ClinicalDocument>")


def active_pdf(action: bytes) -> bytes:
    """A PDF that acts when it is opened."""
    good = text_pdf("Compte rendu", ["Une ligne."])
    return good.replace(b"<< /Type /Catalog ", b"<< /Type /Catalog /OpenAction %s " % action)


def mail_of(
    archive: bytes | None, *, headers: tuple[tuple[str, str], ...] = (), wants_receipt: bool = True
) -> bytes:
    """A mail of documents as the software of the doctor in town writes it."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f'"Dr Bernard PETIT" <{SENDER}>'
    mail["To"] = APPLICATION_BOX
    mail["Subject"] = "XDM/1.0/DDM+Compte rendu de consultation PAT-TROIS DOMINIQUE 28/03/1979"
    mail["Message-ID"] = new_message_id(SENDER)
    if wants_receipt:
        mail["Disposition-Notification-To"] = SENDER
    for name, value in headers:
        mail[name] = value
    mail.set_content("Cher confrère, veuillez trouver ce compte rendu.")
    if archive is not None:
        mail.add_attachment(archive, maintype="application", subtype="zip", filename="IHE_XDM.zip")
    return mail.as_bytes()


def bare_mail(body: bytes, *, content_type: str, more: bytes = b"") -> bytes:
    """A mail written byte by byte: no library would make it."""
    return (
        b"From: <%s>\r\nTo: <%s>\r\nSubject: XDM/1.0/DDM+X\r\nMessage-ID: %s\r\n"
        b"Disposition-Notification-To: <%s>\r\nMIME-Version: 1.0\r\n%sContent-Type: %s\r\n\r\n"
        % (
            SENDER.encode(),
            APPLICATION_BOX.encode(),
            new_message_id(SENDER).encode(),
            SENDER.encode(),
            more,
            content_type.encode(),
        )
    ) + body


def many_parts() -> bytes:
    return bare_mail(b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--\r\n", content_type="multipart/mixed; boundary=b")


def deep_parts() -> bytes:
    opening = b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (number, number + 1)
        for number in range(500)
    )
    return bare_mail(opening, content_type="multipart/mixed; boundary=b0")


def deep_mails() -> bytes:
    """Mails inside mails."""
    return bare_mail(b"Content-Type: message/rfc822\r\n\r\n" * 2000, content_type="message/rfc822")


def endless_boundary() -> bytes:
    return bare_mail(b"-" * 2_000_000, content_type=f'multipart/mixed; boundary="{"-" * 100_000}"')


def huge_header() -> bytes:
    return bare_mail(b"x", content_type="text/plain", more=b"X-Long: " + b"a" * 1_000_000 + b"\r\n")


def countless_headers() -> bytes:
    return bare_mail(b"x", content_type="text/plain", more=b"X-A: b\r\n" * 5000)
