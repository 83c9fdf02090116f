"""First page of the sandbox: what runs here, and the faults that a demonstration may ask for."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from lxml import etree
from lxml.html import builder as E  # noqa: N812 - the name under which lxml documents it

from sandbox.dmp.faults import UnknownEffectError
from sandbox.dmp.pages import PREFIX as PATIENT_PAGES
from sandbox.dmp.service import DmpService
from sandbox.html import page
from sandbox.insi.pages import PREFIX as INSI_PAGES
from sandbox.mail.faults import UnknownMailEffectError
from sandbox.mail.operator import MailOperator
from sandbox.mail.pages import PREFIX as MAIL_PAGES
from sandbox.psc.provider import Provider
from sandbox.serving import Request, Response, redirect

FAULTS_PATH: Final = "/pannes"
SERVICE: Final = "Simulateurs des services nationaux"
MAX_TIMES: Final = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """A fault offered on the page, on the requests of one transaction."""

    effect: str
    label: str
    operation: str = "TD2.1"

    @property
    def value(self) -> str:
        return f"{self.operation} {self.effect}"


DMP_FAULTS: Final = (
    Choice("delay:10000", "répond avec 10 secondes de retard"),
    Choice("http:503", "est indisponible (503)"),
    Choice("reset", "coupe la ligne avant d'avoir reçu"),
    Choice("accepted_then_drop", "enregistre le document puis coupe la ligne"),
    Choice("answer_twice", "répond deux fois"),
    Choice("registry:XDSRepositoryBusy", "se dit occupé"),
    Choice("registry:XDSRegistryMetadataError", "refuse les métadonnées"),
)
READING_FAULTS: Final = (
    Choice("delay:3000", "dit l'état du DMP avec 3 secondes de retard", "TD0.2"),
    Choice("http:503", "ne dit pas l'état du DMP (503)", "TD0.2"),
    Choice("no_dmp", "dit que le patient n'a pas de DMP", "TD0.2"),
    Choice("dmp_closed", "dit que le DMP est fermé", "TD0.2"),
    Choice("blocked", "dit que le patient bloque le professionnel", "TD0.2"),
    Choice("auth_expired", "dit que l'autorisation a expiré", "TD0.2"),
    Choice("status:DMPAccessDeniedByRightsService", "refuse d'autoriser le professionnel", "TD0.3"),
    Choice("delay:3000", "cherche avec 3 secondes de retard", "TD3.1"),
    Choice("http:503", "ne cherche pas (503)", "TD3.1"),
    Choice("too_many", "trouve trop de documents", "TD3.1"),
    Choice("fault:DMPAccessDeniedByRightsService", "refuse la recherche", "TD3.1"),
    Choice("delay:3000", "donne un document avec 3 secondes de retard", "TD3.2"),
    Choice("partial", "oublie l'un des documents demandés", "TD3.2"),
    Choice("wrong_hash", "donne un document altéré", "TD3.2"),
    Choice("truncate", "coupe sa réponse au milieu", "TD3.2"),
    Choice("registry:XDSMetadataVersionError", "dit que le document a changé entre-temps", "TD3.3"),
)
MAIL_FAULTS: Final = (
    Choice("greylist", "demande de revenir plus tard (450)"),
    Choice("full", "dit la boîte pleine (452)"),
    Choice("down", "ferme la ligne (421)"),
    Choice("refuse:550", "refuse le destinataire (550)"),
    Choice("slow:10000", "répond avec 10 secondes de retard"),
    Choice("drop", "prend le courriel puis coupe la ligne"),
    Choice("late_bounce", "accepte le courriel puis le retourne"),
    Choice("silent", "ne donne pas d’avis de remise"),
    Choice("read_down", "n’ouvre pas les boîtes à la relève"),
)
PSC_FAULTS: Final = (
    Choice("down", "Pro Santé Connect est indisponible"),
    Choice("bad_signature", "Pro Santé Connect signe mal ses jetons"),
    Choice("expired", "Pro Santé Connect donne des jetons expirés"),
)


class HomePages:
    """Routes `/` and `/pannes`. Calling it gives an answer, or None for another address."""

    def __init__(self, *, dmp: DmpService, mail: MailOperator, providers: tuple[Provider, ...]) -> None:
        self._dmp = dmp
        self._mail = mail
        self._providers = providers

    def __call__(self, request: Request) -> Response | None:
        routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/"): self._home,
            ("GET", FAULTS_PATH): self._faults,
            ("POST", FAULTS_PATH): self._change,
        }
        route = routes.get((request.method, request.path))
        return route(request) if route else None

    def _home(self, _: Request) -> Response:
        links = E.UL(
            E.LI(E.A("Mon espace santé, tel que le patient le voit", href=PATIENT_PAGES)),
            E.LI(E.A("Boîtes aux lettres MSSanté, et courriels à l’hôpital", href=MAIL_PAGES)),
            E.LI(E.A("Téléservice INSi : identités connues, demandes, pannes", href=INSI_PAGES)),
            E.LI(E.A("Provoquer une panne du DMP, de MSSanté ou de Pro Santé Connect", href=FAULTS_PATH)),
        )
        rows = [
            E.TR(
                E.TH(f"{person.given} {person.family}", scope="row"),
                E.TD(person.label),
                E.TD(person.rpps or "aucun"),
                E.TD(person.site.name),
            )
            for person in self._providers[0].people
        ]
        head = E.TR(*(E.TH(name, scope="col") for name in ("Nom", "Profession", "RPPS", "Structure")))
        caption = E.CAPTION("Professionnels que Pro Santé Connect connaît")
        people = E.DIV(E.TABLE(caption, E.THEAD(head), E.TBODY(*rows)), E.CLASS("scroll"))
        return page(SERVICE, links, people)

    def _faults(self, _: Request) -> Response:
        return page(
            "Provoquer une panne",
            self._dmp_state(),
            _dmp_form("DMP : envois", "Aux prochains envois, le DMP ", "envoi", DMP_FAULTS),
            _dmp_form("DMP : consultation", "Aux prochaines lectures, le DMP ", "lecture", READING_FAULTS),
            self._mail_form(),
            self._psc_form(),
            _form(E.BUTTON("Lever toutes les pannes", type="submit", name="action", value="clear")),
            E.P(E.A("Retour", href="/")),
            service=SERVICE,
        )

    def _dmp_state(self) -> etree._Element:
        waiting = [rule for rule in self._dmp.faults.list() if rule["done"] < rule["times"]]
        text = f"{len(waiting)} panne(s) du DMP en attente." if waiting else "Le DMP répond normalement."
        return E.P(text, role="status")

    def _mail_form(self) -> etree._Element:
        options = [E.OPTION(choice.label, value=choice.effect) for choice in MAIL_FAULTS]
        waiting = self._mail.faults.waiting()
        state = f"{waiting} panne(s) de MSSanté en attente." if waiting else "MSSanté répond normalement."
        return _form(
            E.H2("Opérateur MSSanté"),
            E.P(state, role="status"),
            E.P(
                E.LABEL("L’opérateur ", E.FOR("mail_effect")),
                E.SELECT(*options, name="effect", id="mail_effect"),
            ),
            E.P(
                E.LABEL("Pour l’adresse (vide : toutes) ", E.FOR("address")),
                E.INPUT(type="text", name="address", id="address", autocomplete="off", size="40"),
            ),
            E.P(
                E.LABEL("Nombre de fois ", E.FOR("mail_times")),
                E.INPUT(type="number", name="times", id="mail_times", value="1", min="1", max=str(MAX_TIMES)),
            ),
            E.BUTTON("Provoquer", E.CLASS("primary"), type="submit", name="action", value="mail"),
        )

    def _psc_form(self) -> etree._Element:
        switches = asdict(self._providers[0].switches)
        boxes = []
        for choice in PSC_FAULTS:
            checked = {"checked": "checked"} if switches[choice.effect] else {}
            boxes.append(
                E.P(E.LABEL(E.INPUT(type="checkbox", name=choice.effect, **checked), f" {choice.label}"))
            )
        return _form(
            E.H2("Pro Santé Connect"),
            *boxes,
            E.BUTTON("Appliquer", E.CLASS("primary"), type="submit", name="action", value="psc"),
            E.BUTTON("Fermer toutes les sessions", type="submit", name="action", value="psc-logout"),
        )

    def _change(self, request: Request) -> Response:
        form = request.form()
        match form.get("action"):
            case "dmp":
                self._add_fault(form)
            case "mail":
                self._add_mail_fault(form)
            case "psc":
                self._providers[0].switches.update(
                    {choice.effect: choice.effect in form for choice in PSC_FAULTS}
                )
            case "psc-logout":
                self._providers[0].log_out()
            case "clear":
                self._dmp.faults.clear()
                self._mail.faults.clear()
                for provider in self._providers:
                    provider.switches.reset()
        return redirect(FAULTS_PATH)

    def _add_mail_fault(self, form: dict[str, str]) -> None:
        address = form.get("address", "").strip() or "*"
        try:
            self._mail.faults.add(form.get("effect", ""), address=address, times=_count(form))
        except UnknownMailEffectError:
            return  # a form made by hand: the page shows that nothing was added

    def _add_fault(self, form: dict[str, str]) -> None:
        operation, _, effect = form.get("effect", "").partition(" ")
        try:
            self._dmp.faults.add(effect, times=_count(form), operation=operation)
        except UnknownEffectError:
            return  # a form made by hand: the page shows that nothing was added


def _count(form: dict[str, str]) -> int:
    times = form.get("times", "")
    return min(int(times), MAX_TIMES) if times.isdecimal() else 1


def _dmp_form(title: str, label: str, name: str, choices: tuple[Choice, ...]) -> etree._Element:
    """The faults of one kind of request; `name` tells the fields of the two forms apart."""
    options = [E.OPTION(choice.label, value=choice.value) for choice in choices]
    return _form(
        E.H2(title),
        E.P(E.LABEL(label, E.FOR(f"effect-{name}")), E.SELECT(*options, name="effect", id=f"effect-{name}")),
        E.P(
            E.LABEL("Nombre de fois ", E.FOR(f"times-{name}")),
            E.INPUT(type="number", name="times", id=f"times-{name}", value="1", min="1", max=str(MAX_TIMES)),
        ),
        E.BUTTON("Provoquer", E.CLASS("primary"), type="submit", name="action", value="dmp"),
    )


def _form(*content: etree._Element) -> etree._Element:
    return E.FORM(*content, method="post", action=FAULTS_PATH)
