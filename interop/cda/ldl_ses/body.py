"""The structured body of a lettre de liaison de sortie, section by section (cda.md 7.1, first table)."""

from lxml import etree

from interop.cda.context import BodyContext
from interop.cda.datatypes import Code, Id, Moment
from interop.cda.elements import add
from interop.cda.ldl_ses import codes
from interop.cda.ldl_ses.model import Absence, DischargeLetter
from interop.cda.ldl_ses.plan import add_allergies, add_care_plan, add_devices
from interop.cda.ldl_ses.treatments import add_no_treatment, add_treatments
from interop.cda.narrative import Anchor, add_table, shown_day
from interop.cda.sections import add_observation, add_section

_STATUS_LABELS = {
    codes.IN_PROGRESS: "En cours",
    codes.DONE: "Réalisé",
    codes.APPROVED: "Validé",
    codes.CLOSED: "Clôturé",
}


def add_discharge_letter(body: etree._Element, context: BodyContext, letter: DischargeLetter) -> None:
    """Append the nine sections of the model: the mandatory ones, and the others that have content."""
    _add_status(body, context, letter)
    _, text = add_section(
        body, context, codes.REASON_SECTION, codes.REASON_SECTION_CODE, "Motif de l'hospitalisation"
    )
    add_table(text, [(letter.reason,)])
    _add_events(body, context, letter)
    _add_treatments(body, context, letter)
    if letter.expected_results:
        _, text = add_section(
            body,
            context,
            codes.EXPECTED_RESULTS_SECTION,
            codes.EXPECTED_RESULTS_SECTION_CODE,
            "Résultats d'examens ou autres informations attendus",
        )
        add_table(text, [(letter.expected_results,)])
    if letter.planned_acts or letter.follow_ups or letter.planned_encounters:
        section, text = add_section(
            body, context, codes.CARE_PLAN_SECTION, codes.CARE_PLAN_SECTION_CODE, "Suites à donner"
        )
        add_care_plan(section, text, context, letter)
    if letter.devices:
        section, text = add_section(
            body, context, codes.DEVICES_SECTION, codes.DEVICES_SECTION_CODE, "Dispositifs médicaux"
        )
        add_devices(section, text, context, letter.devices)
    if letter.allergies is not None:
        section, text = add_section(
            body,
            context,
            codes.ALLERGIES_SECTION,
            codes.ALLERGIES_SECTION_CODE,
            "Allergies identifiées pendant le séjour",
        )
        add_allergies(section, text, context, letter.allergies)


def _add_status(body: etree._Element, context: BodyContext, letter: DischargeLetter) -> None:
    section, text = add_section(
        body, context, codes.STATUS_SECTION, codes.STATUS_SECTION_CODE, "Statut du document"
    )
    add_table(text, [("Statut du document", Anchor("statut", _STATUS_LABELS[letter.status]))])
    entry = add(section, "entry")
    add_observation(entry, context, codes.STATUS, "statut", letter.status, value_type="CD")


# One observation of the stay: templates and code, anchor, label, what is read, coded value, moment.
_Observation = tuple[tuple[tuple[Id, ...], Code], str, str, str, Code | str | bool, Moment | None]


def _observations(letter: DischargeLetter, context: BodyContext) -> list[_Observation]:
    admitted = f"{letter.admission_mode.display}, {shown_day(letter.admitted_on, context.zone)}"
    discharged = f"{letter.discharge_mode.display}, {shown_day(letter.discharged_on, context.zone)}"
    rows: list[_Observation] = [
        (
            codes.ADMISSION_MODE,
            "entree",
            "Modalité et date d'entrée",
            admitted,
            letter.admission_mode,
            letter.admitted_on,
        ),
        (
            codes.DISCHARGE_MODE,
            "sortie",
            "Modalité et date de sortie",
            discharged,
            letter.discharge_mode,
            letter.discharged_on,
        ),
    ]
    rest: list[tuple[tuple[tuple[Id, ...], Code], str, str | bool]] = [
        (codes.SUMMARY, "synthese", letter.summary),
        (codes.ADVERSE_EVENT, "evenement-indesirable", letter.adverse_event),
        (codes.GERM_SEARCH, "recherche-germes", letter.germ_search),
        (codes.GERMS_FOUND, "germes", letter.germs_found),
        (codes.TRANSFUSION, "transfusion", letter.transfusion),
        (codes.TRANSFUSION_ACCIDENT, "accident-transfusionnel", letter.transfusion_accident),
        (codes.BLOOD_DERIVATIVES, "derives-du-sang", letter.blood_derivatives),
        (codes.BLOOD_DERIVATIVES_EVENT, "evenement-derives-du-sang", letter.blood_derivatives_event),
    ]
    for kind, anchor, value in rest:
        if value == "":
            continue  # an optional text that was not written
        shown = value if isinstance(value, str) else ("Oui" if value else "Non")
        rows.append((kind, anchor, kind[1].display, shown, value, None))
    return rows


def _add_events(body: etree._Element, context: BodyContext, letter: DischargeLetter) -> None:
    section, text = add_section(
        body, context, codes.EVENTS_SECTION, codes.EVENTS_SECTION_CODE, "Synthèse médicale du séjour"
    )
    observations = _observations(letter, context)
    add_table(text, [(label, Anchor(anchor, shown)) for _, anchor, label, shown, _, _ in observations])
    for kind, anchor, _, _, value, moment in observations:
        add_observation(add(section, "entry"), context, kind, anchor, value, on=moment)


def _add_treatments(body: etree._Element, context: BodyContext, letter: DischargeLetter) -> None:
    if letter.stopped_treatments:
        section, text = add_section(
            body,
            context,
            codes.STOPPED_TREATMENTS_SECTION,
            codes.STOPPED_TREATMENTS_SECTION_CODE,
            "Traitements arrêtés pendant le séjour",
        )
        add_treatments(section, text, context, letter.stopped_treatments, "ARRET")
    section, text = add_section(
        body,
        context,
        codes.DISCHARGE_TREATMENTS_SECTION,
        codes.DISCHARGE_TREATMENTS_SECTION_CODE,
        "Traitements à la sortie",
    )
    if isinstance(letter.discharge_treatments, Absence):
        add_no_treatment(section, text, context, letter.discharge_treatments, "SORTIE-000")
    else:
        add_treatments(section, text, context, letter.discharge_treatments, "SORTIE")
