"""The archive IHE_XDM.zip of a letter from town, and the opening of those that arrive, for the pages.

Source: mssante.md 1.5 (structure), IHE ITI XDM; what is written are the values of the metadata that the
receiver compares with the document.
"""

import hashlib
import io
import uuid
import zipfile
from datetime import UTC, datetime

from lxml import etree
from lxml.builder import ElementMaker

from interop.cda import codes as cda
from interop.xdm import codes as xdm
from interop.xds import codes as xds
from sandbox.mail.cda_letter import Letter

_R = ElementMaker(namespace=xds.NS_RIM, nsmap={None: xds.NS_RIM, "lcm": xds.NS_LCM})
_SET = "SubmissionSet01"
_ENTRY = "Document01"
_MAX_ENTRIES = 50
_MAX_BYTES = 20 * 2**20


def build_archive(letter: Letter, document: bytes, *, action: str = "") -> bytes:
    """Return IHE_XDM.zip. `action` is empty, C (replacement) or D (deletion)."""
    files = {
        xdm.INDEX: b'<!DOCTYPE html><html lang="fr"><title>Document</title><p>Demonstration</p></html>',
        xdm.README: b"Archive IHE XDM de demonstration\r\n",
        f"{xdm.SUBSET}/{xdm.METADATA}": _metadata(letter, document, action),
        f"{xdm.SUBSET}/DOC00001.XML": document,
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


def read_archive(content: bytes) -> list[tuple[str, bytes]]:
    """Names and contents of an archive that arrived. ValueError when it is none, or too large to be shown."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = packed.infolist()
            if len(entries) > _MAX_ENTRIES:
                raise ValueError("too many entries")
            found = []
            for entry in entries:
                with packed.open(entry) as stream:
                    data = stream.read(_MAX_BYTES + 1)
                if len(data) > _MAX_BYTES:
                    raise ValueError("an entry is too large")
                found.append((entry.filename, data))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:
        raise ValueError(str(error)) from error
    return found


def _metadata(letter: Letter, document: bytes, action: str) -> bytes:
    objects = [_package(letter), _entry(letter, document, action), _association(_SET, _ENTRY)]
    if action == xdm.XdmAction.REPLACE.value:
        objects.append(_replacement(letter))
    request = etree.Element(
        f"{{{xds.NS_LCM}}}SubmitObjectsRequest", nsmap={"lcm": xds.NS_LCM, None: xds.NS_RIM}
    )
    request.append(_R.RegistryObjectList(*objects))
    return bytes(etree.tostring(request, encoding="UTF-8", xml_declaration=True))


def _package(letter: Letter) -> etree._Element:
    return _R.RegistryPackage(
        _slot(xds.SLOT_SUBMISSION_TIME, _utc(datetime.now(UTC))),
        _name(letter.title),
        _author_of(letter, _SET, xds.SCHEME_SET_AUTHOR),
        _classification(_SET, xds.SCHEME_SET_CONTENT_TYPE, "08", xds.OID_CONTENT_TYPE, "Consultation"),
        _R.Classification(id=_new_id(), classifiedObject=_SET, classificationNode=xds.NODE_SUBMISSION_SET),
        _identifier(_SET, xds.IDENTIFIER_SET_PATIENT, _patient(letter), xds.NAME_SET_PATIENT),
        _identifier(_SET, xds.IDENTIFIER_SET_SOURCE, letter.set_id.rpartition(".")[0], xds.NAME_SET_SOURCE),
        _identifier(_SET, xds.IDENTIFIER_SET_UNIQUE, f"{letter.unique_id}.7", xds.NAME_SET_UNIQUE),
        id=_SET,
    )


def _entry(letter: Letter, document: bytes, action: str) -> etree._Element:
    code = cda.CR_CONSULTATION
    slots = [
        _slot(xds.SLOT_URI, "DOC00001.XML"),
        _slot(xds.SLOT_CREATION_TIME, _utc(letter.written_at)),
        _slot(xds.SLOT_HASH, hashlib.sha1(document, usedforsecurity=False).hexdigest()),
        _slot(xds.SLOT_LANGUAGE_CODE, cda.LANGUAGE),
        _slot(xds.SLOT_LEGAL_AUTHENTICATOR, _person(letter)),
        _slot(xds.SLOT_SERVICE_START, _utc(letter.written_at)),
        _slot(xds.SLOT_SIZE, str(len(document))),
    ]
    if action:
        slots.append(_slot(xdm.ACTION_SLOT, action))
    return _R.ExtrinsicObject(
        *slots,
        _name(letter.title),
        _author_of(letter, _ENTRY, xds.SCHEME_AUTHOR),
        _classification(_ENTRY, xds.SCHEME_TYPE_CODE, code.code, cda.LOINC, code.display),
        _classification(_ENTRY, xds.SCHEME_CLASS_CODE, "10", xds.OID_CLASS_CODE, "Compte rendu"),
        _classification(_ENTRY, xds.SCHEME_CONFIDENTIALITY_CODE, "N", cda.HL7_CONFIDENTIALITY, "Normal"),
        _classification(
            _ENTRY, xds.SCHEME_FORMAT_CODE, xds.FORMAT_PDF, xds.OID_FORMAT_IHE, "Document en PDF/A-1"
        ),
        _classification(
            _ENTRY, xds.SCHEME_FACILITY_TYPE_CODE, letter.author.site.sector, cda.TRE_R38, "Cabinet"
        ),
        _classification(
            _ENTRY, xds.SCHEME_PRACTICE_SETTING_CODE, "AMBULATOIRE", cda.TRE_PRACTICE_SETTING, "Ambulatoire"
        ),
        _identifier(_ENTRY, xds.IDENTIFIER_ENTRY_PATIENT, _patient(letter), xds.NAME_ENTRY_PATIENT),
        _identifier(_ENTRY, xds.IDENTIFIER_ENTRY_UNIQUE, letter.unique_id, xds.NAME_ENTRY_UNIQUE),
        id=_ENTRY,
        mimeType=xds.MIME_CDA,
        objectType=xds.TYPE_STABLE_DOCUMENT,
    )


def _replacement(letter: Letter) -> etree._Element:
    target = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, letter.replaced_id)}"
    link = _association(_ENTRY, target)
    link.set("associationType", xds.ASSOCIATION_REPLACE)
    return link


def _association(source: str, target: str) -> etree._Element:
    return _R.Association(
        _slot(xds.SLOT_SUBMISSION_SET_STATUS, xds.SUBMISSION_SET_ORIGINAL),
        id=_new_id(),
        associationType=xds.ASSOCIATION_HAS_MEMBER,
        sourceObject=source,
        targetObject=target,
    )


def _author_of(letter: Letter, owner: str, scheme: str) -> etree._Element:
    site = letter.author.site
    return _R.Classification(
        _slot(xds.SLOT_AUTHOR_PERSON, _person(letter)),
        _slot(
            xds.SLOT_AUTHOR_INSTITUTION,
            f"{site.name}^^^^^&{xds.OID_STRUCTURE}&ISO^{xds.XON_STRUCTURE}^^^{site.struct_idnat}",
        ),
        id=_new_id(),
        classifiedObject=owner,
        classificationScheme=scheme,
    )


def _person(letter: Letter) -> str:
    person = letter.author
    return (
        f"{person.subject_name_id}^{person.family}^{person.given}^^^^^^&{xds.OID_PERSON}&ISO"
        f"^{xds.XCN_PERSON}^^^{xds.XCN_NATIONAL}"
    )


def _patient(letter: Letter) -> str:
    if letter.has_ins:
        return f"{letter.patient.matricule}^^^&{letter.patient.oid}&ISO^{xds.CX_INS}"
    return f"{letter.local_id}^^^&{letter.set_id}.1&ISO^{xds.CX_INTERNAL}"


def _slot(name: str, *values: str) -> etree._Element:
    return _R.Slot(_R.ValueList(*(_R.Value(value) for value in values)), name=name)


def _name(text: str) -> etree._Element:
    return _R.Name(_R.LocalizedString(value=text, charset=xds.CHARSET))


def _classification(owner: str, scheme: str, code: str, system: str, label: str) -> etree._Element:
    return _R.Classification(
        _slot(xds.SLOT_CODING_SCHEME, system),
        _name(label),
        id=_new_id(),
        classifiedObject=owner,
        classificationScheme=scheme,
        nodeRepresentation=code,
    )


def _identifier(owner: str, scheme: str, value: str, label: str) -> etree._Element:
    return _R.ExternalIdentifier(
        _name(label), id=_new_id(), registryObject=owner, identificationScheme=scheme, value=value
    )


def _new_id() -> str:
    return f"urn:uuid:{uuid.uuid4()}"


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%d%H%M%S")
