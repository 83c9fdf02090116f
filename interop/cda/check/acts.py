"""Checks of the documented acts and of the encounter (cda.md 5)."""

from collections.abc import Iterator

from lxml import etree

from interop.cda.check.findings import Finding, Rule, finding
from interop.cda.reading import many, one, value_of
from interop.cda.value_sets import healthcare_facility_types, practice_settings


def check_acts(root: etree._Element) -> Iterator[Finding]:
    """Check documentationOf and componentOf."""
    events = many(root, "c:documentationOf/c:serviceEvent")
    if not events:
        yield finding(Rule.ACT, root, "Un acte documenté au moins", "documentationOf")
    for rank, event in enumerate(events):
        if rank == 0:
            yield from _check_main_act(event)
        elif many(event, "c:performer"):
            yield finding(Rule.ACT, event, "Seul l'acte principal a un exécutant", "performer")
    encounter = one(root, "c:componentOf/c:encompassingEncounter")
    if encounter is not None:
        yield from _check_encounter(encounter)


def _check_main_act(event: etree._Element) -> Iterator[Finding]:
    if not value_of(event, "c:effectiveTime/c:low"):
        yield finding(Rule.ACT, event, "Le début de l'acte principal est obligatoire", "effectiveTime/low")
    performers = many(event, "c:performer")
    if len(performers) != 1:
        yield finding(Rule.ACT, event, "L'acte principal a un exécutant", "performer")
        return
    setting = one(performers[0], "c:assignedEntity/c:representedOrganization/c:standardIndustryClassCode")
    known = practice_settings().get("" if setting is None else setting.get("code") or "")
    if setting is None or known is None or not _is(setting, known.system, known.display):
        yield finding(
            Rule.ACT, event, "Le cadre d'exercice n'est pas dans le jeu de valeurs J04", "performer"
        )


def _check_encounter(encounter: etree._Element) -> Iterator[Finding]:
    if one(encounter, "c:effectiveTime") is None:
        yield finding(Rule.ACT, encounter, "Les dates de la prise en charge manquent", "effectiveTime")
    facility = one(encounter, "c:location/c:healthCareFacility/c:code")
    known = healthcare_facility_types().get("" if facility is None else facility.get("code") or "")
    if facility is None or known is None or not _is(facility, known.system, known.display):
        yield finding(
            Rule.ACT, encounter, "Le secteur d'activité n'est pas dans le jeu de valeurs J02", "location"
        )


def _is(element: etree._Element, system: str, display: str) -> bool:
    return (element.get("codeSystem"), element.get("displayName")) == (system, display)
