"""Pages of Mon espace santé: the list of demonstration patients, and what each of them sees."""

from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from lxml import etree
from lxml.html import builder as E  # noqa: N812 - the name under which lxml documents it

from interop.xds import codes as xds
from sandbox.demo import PROFESSIONALS, DmpState, Patient
from sandbox.dmp.cda import read_pdf
from sandbox.dmp.patient_view import PatientDocument, PatientView, view_of
from sandbox.dmp.records import Document
from sandbox.dmp.service import DmpService
from sandbox.html import error_page, page
from sandbox.serving import Request, Response

PREFIX: Final = "/mon-espace-sante/"
SERVICE: Final = "Mon espace santé"
GUARDIAN_VIEW: Final = "representants"
MAJORITY: Final = 18
_PARIS: Final = ZoneInfo("Europe/Paris")
_ACCESS: Final = {
    "valid": "Autorisé",
    "expired": "Autorisation expirée",
    "blocked": "Bloqué",
}
_STATES: Final = {
    DmpState.OPEN: "Profil ouvert",
    DmpState.CLOSED: "Profil fermé",
    DmpState.NONE: "Pas de profil",
}


class PatientPages:
    """Routes below `/mon-espace-sante/`. Calling it gives an answer, or None for another address."""

    def __init__(self, dmp: DmpService) -> None:
        self._dmp = dmp

    def __call__(self, request: Request) -> Response | None:
        if not request.path.startswith(PREFIX):
            return None
        if request.method not in ("GET", "HEAD"):
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, b"GET expected")
        self._dmp.advance()
        match request.path.removeprefix(PREFIX).rstrip("/").split("/"):
            case [""]:
                return self._patients()
            case [oid, matricule]:
                return self._patient(oid, matricule, request.query.get("vue", ""))
            case [oid, matricule, "documents", unique_id]:
                return self._document(oid, matricule, unquote(unique_id), request.query.get("vue", ""))
        return _not_found()

    def _patients(self) -> Response:
        rows = []
        for person in self._dmp.registry.patients():
            name = f"{person.family} {person.given}"
            has_profile = person.state is not DmpState.NONE
            rows.append(
                E.TR(
                    E.TH(E.A(name, href=_address(person)) if has_profile else name, scope="row"),
                    E.TD(_date(person.birth_date)),
                    E.TD(_STATES[person.state]),
                    E.TD(str(len(self._view(person, "").documents)) if has_profile else ""),
                )
            )
        return page(
            "Profils de démonstration",
            _table("Patients", ("Nom", "Naissance", "Mon espace santé", "Documents visibles"), rows),
            service=SERVICE,
        )

    def _view(self, person: Patient, view: str) -> PatientView:
        ins = (person.matricule, person.oid)
        return view_of(self._dmp.registry, ins, guardian=view == GUARDIAN_VIEW)

    def _person(self, oid: str, matricule: str) -> Patient | None:
        person = self._dmp.registry.patient((matricule, oid))
        return person if person is not None and person.state is not DmpState.NONE else None

    def _patient(self, oid: str, matricule: str, view: str) -> Response:
        person = self._person(oid, matricule)
        if person is None:
            return _not_found()
        seen = self._view(person, view)
        content = [_who_reads(person, view, self._dmp.now())]
        if person.state is DmpState.CLOSED:
            content.append(E.P("Ce profil est fermé : il ne reçoit plus de document.", E.CLASS("error")))
        if seen.told:
            content.append(E.P(_told(seen.told), E.CLASS("error")))
        rows = [row for document in seen.documents for row in self._rows(person, document, view)]
        if rows:
            columns = ("Document", "Auteur", "Date de l'acte", "Déposé le", "Qui le voit", "Version")
            content.append(_table("Documents", columns, rows))
        else:
            content.append(E.P("Aucun document."))
        content += self._professionals(person)
        content.append(E.P(E.A("Tous les profils", href=PREFIX)))
        return page(f"Documents de {person.given} {person.family}", *content, service=SERVICE)

    def _professionals(self, person: Patient) -> list[etree._Element]:
        """Who may read this DMP, and whom the patient blocked."""
        ins = (person.matricule, person.oid)
        found = self._dmp.registry.authorisations(ins, self._dmp.now())
        if not found:
            return []
        rows = [
            E.TR(E.TH(_name_of(actor), scope="row"), E.TD(_ACCESS[state])) for actor, state in found.items()
        ]
        return [_table("Professionnels", ("Professionnel", "Accès à votre profil"), rows)]

    def _rows(self, person: Patient, document: PatientDocument, view: str) -> list[etree._Element]:
        rows = [_row(person, document.current, view, "en vigueur")]
        rows += [_row(person, version, view, "remplacée", former=True) for version in document.former]
        return rows

    def _document(self, oid: str, matricule: str, unique_id: str, view: str) -> Response:
        """The PDF of a document that this reader may see; the document itself when it holds none."""
        person = self._person(oid, matricule)
        seen = self._view(person, view).documents if person is not None else ()
        for item in seen:
            for version in (item.current, *item.former):
                if version.unique_id == unique_id:
                    return _content(self._dmp.registry.content(version))
        return _not_found()


def _content(content: bytes) -> Response:
    headers = (("X-Content-Type-Options", "nosniff"),)
    pdf = read_pdf(content)
    if pdf is not None:
        return Response(HTTPStatus.OK, pdf, "application/pdf", headers)
    # Never as a page: a document of another could carry a style sheet and scripts.
    return Response(HTTPStatus.OK, content, "text/plain; charset=utf-8", headers)


def _not_found() -> Response:
    text = "Ce profil ou ce document n'existe pas, ou n'est pas visible."
    return error_page("Introuvable", text, service=SERVICE, status=HTTPStatus.NOT_FOUND)


def _address(person: Patient, *parts: str, view: str = "") -> str:
    path = "/".join(quote(part, safe="") for part in (person.oid, person.matricule, *parts))
    return f"{PREFIX}{path}" + (f"?vue={view}" if view else "")


def _who_reads(person: Patient, view: str, now: datetime) -> etree._Element:
    """Who looks, and the way to the other view when the patient is a minor."""
    if not _is_minor(person, now):
        return E.P("Vous consultez votre profil.", E.CLASS("muted"))
    if view == GUARDIAN_VIEW:
        return E.P(
            "Vue du représentant légal. ",
            E.A("Voir en tant que patient", href=_address(person)),
            E.CLASS("muted"),
        )
    return E.P(
        "Vue du patient mineur. ",
        E.A("Voir en tant que représentant légal", href=_address(person, view=GUARDIAN_VIEW)),
        E.CLASS("muted"),
    )


def _is_minor(person: Patient, now: datetime) -> bool:
    birth = datetime.fromisoformat(person.birth_date)
    return (now.year - birth.year) - ((now.month, now.day) < (birth.month, birth.day)) < MAJORITY


def _told(count: int) -> str:
    if count == 1:
        return "Un document vous concernant attend une consultation avec un professionnel de santé."
    return f"{count} documents vous concernant attendent une consultation avec un professionnel de santé."


def _table(caption: str, columns: tuple[str, ...], rows: list[etree._Element]) -> etree._Element:
    head = E.TR(*(E.TH(column, scope="col") for column in columns))
    return E.DIV(E.TABLE(E.CAPTION(caption), E.THEAD(head), E.TBODY(*rows)), E.CLASS("scroll"))


def _row(
    person: Patient, document: Document, view: str, state: str, *, former: bool = False
) -> etree._Element:
    metadata = document.metadata
    link = E.A(metadata.title, href=_address(person, "documents", document.unique_id, view=view))
    type_code = metadata.code(xds.SCHEME_TYPE_CODE)
    version = f"Version {document.set_version} " if document.set_version else ""
    archived = document.status == xds.STATUS_ARCHIVED
    return E.TR(
        E.TH(link, E.BR(), E.SPAN(type_code.label if type_code else "", E.CLASS("muted")), scope="row"),
        E.TD(_author(document)),
        E.TD(_date(metadata.slot(xds.SLOT_SERVICE_START))),
        E.TD(datetime.fromisoformat(document.submitted_at).astimezone(_PARIS).strftime("%d/%m/%Y %H:%M")),
        E.TD(_who_sees(document)),
        E.TD(f"{version}{'archivée' if archived else state}"),
        **({"class": "old"} if former else {}),
    )


def _who_sees(document: Document) -> str:
    """Visibility in the words of a patient."""
    hidden = {xds.VISIBILITY_MASKED: "masqué aux professionnels"}
    hidden[xds.VISIBILITY_HIDDEN_GUARDIANS] = "non visible de vos représentants légaux"
    words = [text for code, text in hidden.items() if code in document.confidentiality]
    return "Vous ; " + ", ".join(words) if words else "Vous et les professionnels autorisés"


def _name_of(actor: str) -> str:
    """Name of a professional whom the demonstration knows, or the national identifier."""
    for person in PROFESSIONALS:
        if person.subject_name_id == actor:
            return f"{person.given} {person.family}"
    return actor


def _author(document: Document) -> str:
    """Given name and name of the first author."""
    for author in document.metadata.authors:
        for value in author.values(xds.SLOT_AUTHOR_PERSON):
            parts = [*value.split("^"), "", ""]
            return f"{parts[2]} {parts[1]}".strip()
    return ""


def _date(value: str) -> str:
    """A day as people read it, from a date or from a time in UTC."""
    digits = value.replace("-", "")
    if len(digits) == 14:
        digits = datetime.strptime(f"{digits}+0000", "%Y%m%d%H%M%S%z").astimezone(_PARIS).strftime("%Y%m%d")
    return f"{digits[6:8]}/{digits[4:6]}/{digits[:4]}" if len(digits) >= 8 else value
