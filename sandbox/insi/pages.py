"""Page of INSi: whom it knows, what it was last asked, and what it may do wrong."""

from http import HTTPStatus
from typing import Final

from lxml import etree
from lxml.html import builder as E  # noqa: N812 - the name under which lxml documents it

from sandbox.html import page
from sandbox.insi.faults import UnknownInsiEffectError
from sandbox.insi.people import NEVER_FOUND, Held, Known
from sandbox.insi.service import InsiService, SeenSearch
from sandbox.serving import Request, Response, redirect

PREFIX: Final = "/insi/"
SERVICE: Final = "Téléservice INSi"
SHOWN: Final = 30
MAX_TIMES: Final = 100
EFFECTS: Final = (
    ("delay:3000", "répond avec 3 secondes de retard"),
    ("delay:15000", "répond avec 15 secondes de retard"),
    ("http:503", "est indisponible (503)"),
    ("reset", "coupe la ligne"),
    ("nobody", "ne trouve personne (01)"),
    ("several", "trouve plusieurs personnes (02)"),
    ("no_place", "ne dit pas le lieu de naissance"),
    ("no_key", "ne dit pas la clé du matricule"),
    ("lunar", "donne une date de naissance incomplète"),
    ("fault:desir_550", "ne connaît pas le logiciel (desir_550)"),
    ("fault:desir_560", "refuse le certificat (desir_560)"),
    ("malformed", "donne une réponse illisible"),
)
_OUTCOMES: Final = {"00": "00, une identité", "01": "01, aucune identité", "02": "02, plusieurs identités"}


class InsiPages:
    """Routes below `/insi/`. Calling it gives an answer, or None for another address."""

    def __init__(self, insi: InsiService) -> None:
        self._insi = insi

    def __call__(self, request: Request) -> Response | None:
        if request.path != PREFIX:
            return None
        if request.method == "POST":
            return self._change(request)
        if request.method not in ("GET", "HEAD"):
            return Response(HTTPStatus.METHOD_NOT_ALLOWED, b"GET expected")
        return page(
            "Identités et demandes",
            self._form(),
            _table(
                "Dernières demandes",
                ("Heure (UTC)", "Nom", "Prénoms", "Sexe", "Naissance", "Lieu", "Réponse"),
                [_seen_row(seen) for seen in self._insi.seen()[:SHOWN]],
            ),
            _table(
                "Identités connues",
                ("Nom", "Prénoms", "Sexe", "Naissance", "Lieu", "Matricule", "Anciens matricules"),
                [_person_row(person) for person in self._insi.people],
            ),
            E.P(f"{NEVER_FOUND[0]} {NEVER_FOUND[1]} n’est jamais trouvé (01).", E.CLASS("muted")),
            E.P(E.A("Retour", href="/")),
            service=SERVICE,
        )

    def _form(self) -> etree._Element:
        waiting = len(self._insi.faults.waiting())
        state = f"{waiting} panne(s) en attente." if waiting else "INSi répond normalement."
        options = [E.OPTION(label, value=effect) for effect, label in EFFECTS]
        return E.FORM(
            E.P(state, role="status"),
            E.P(
                E.LABEL("À la prochaine demande, INSi ", E.FOR("effect")),
                E.SELECT(*options, name="effect", id="effect"),
            ),
            E.P(
                E.LABEL("Nombre de fois ", E.FOR("times")),
                E.INPUT(type="number", name="times", id="times", value="1", min="1", max=str(MAX_TIMES)),
            ),
            E.BUTTON("Provoquer", E.CLASS("primary"), type="submit", name="action", value="add"),
            " ",
            E.BUTTON("Lever les pannes", type="submit", name="action", value="clear"),
            method="post",
            action=PREFIX,
        )

    def _change(self, request: Request) -> Response:
        form = request.form()
        times = form.get("times", "")
        if form.get("action") == "clear":
            self._insi.faults.clear()
        else:
            try:
                count = min(int(times), MAX_TIMES) if times.isdecimal() else 1
                self._insi.faults.add(form.get("effect", ""), times=count)
            except UnknownInsiEffectError:
                pass  # a form made by hand: the page shows that nothing was added
        return redirect(PREFIX)


def _seen_row(seen: SeenSearch) -> etree._Element:
    asked = seen.asked
    outcome = _OUTCOMES.get(seen.outcome, seen.outcome)
    cells = ["", "", "", "", ""]
    if asked is not None:
        cells = [
            asked.family, ", ".join(asked.given_names), asked.sex, asked.birth_date, asked.birth_place,
        ]  # fmt: skip
    said = f"{outcome}\u202f: {seen.text}" if seen.text else outcome
    return E.TR(E.TH(seen.at[11:19], scope="row"), *(E.TD(cell) for cell in cells), E.TD(said))


def _person_row(person: Known) -> etree._Element:
    return E.TR(
        E.TH(person.family, scope="row"),
        E.TD(person.given_names),
        E.TD(person.sex),
        E.TD(person.birth_date),
        E.TD(person.birth_place),
        E.TD(_matricule(person.active)),
        E.TD(", ".join(_matricule(past) for past in person.history)),
    )


def _matricule(held: Held) -> str:
    return f"{held.number} {held.key} ({held.oid.rpartition('.')[2]})"


def _table(caption: str, columns: tuple[str, ...], rows: list[etree._Element]) -> etree._Element:
    head = E.TR(*(E.TH(column, scope="col") for column in columns))
    return E.DIV(E.TABLE(E.CAPTION(caption), E.THEAD(head), E.TBODY(*rows)), E.CLASS("scroll"))
