"""What comes after the stay, devices and allergies: narrative and entries (cda.md 7.1)."""

from lxml import etree

from interop.cda.context import BodyContext
from interop.cda.datatypes import Code, Moment
from interop.cda.elements import (
    XSI_TYPE,
    add,
    add_code,
    add_id,
    add_moment,
    add_null,
    add_templates,
    add_text,
)
from interop.cda.ldl_ses import codes
from interop.cda.ldl_ses.model import (
    Absence,
    Allergy,
    DischargeLetter,
    FollowUp,
    MedicalDevice,
    PlannedAct,
    PlannedEncounter,
)
from interop.cda.narrative import Anchor, Cell, add_table, shown_day
from interop.cda.sections import add_reference


def add_care_plan(
    section: etree._Element, text: etree._Element, context: BodyContext, letter: DischargeLetter
) -> None:
    """Fill the section FR-Plan-de-soins: a table and entries for each kind of plan that there is."""
    acts = [(f"ACT-{rank:03d}", act) for rank, act in enumerate(letter.planned_acts, start=1)]
    follow_ups = [(f"EXAM-{rank:03d}", asked) for rank, asked in enumerate(letter.follow_ups, start=1)]
    encounters = [
        (f"CONSULT-{rank:03d}", planned) for rank, planned in enumerate(letter.planned_encounters, start=1)
    ]
    for title, rows in (
        ("Actes", [_act_row(act, anchor, context) for anchor, act in acts]),
        (
            "Demandes d'examen ou de suivi",
            [(Anchor(anchor, asked.text), shown_day(asked.on, context.zone)) for anchor, asked in follow_ups],
        ),
        ("Consultations", [_encounter_row(planned, anchor, context) for anchor, planned in encounters]),
    ):
        if rows:
            add_table(text, rows, title=title)
    for anchor, act in acts:
        _add_act(add(section, "entry"), context, act, anchor)
    for anchor, asked in follow_ups:
        _add_follow_up(add(section, "entry"), context, asked, anchor)
    for anchor, planned in encounters:
        _add_encounter(add(section, "entry"), context, planned, anchor)


def _act_row(act: PlannedAct, anchor: str, context: BodyContext) -> tuple[Cell, ...]:
    return (
        f"{act.act.code} [CCAM]",
        Anchor(anchor, act.act.display),
        shown_day(act.on, context.zone),
        _joined(act.priority, act.comment),
    )


def _encounter_row(planned: PlannedEncounter, anchor: str, context: BodyContext) -> tuple[Cell, ...]:
    return (
        planned.kind.display,
        Anchor(anchor, planned.text),
        shown_day(planned.on, context.zone),
        _joined(planned.priority, ""),
    )


def _joined(priority: Code | None, comment: str) -> str:
    return ", ".join(filter(None, (priority.display if priority else "", comment)))


def _add_time(entry: etree._Element, moment: Moment | None, context: BodyContext) -> None:
    if moment is None:
        add_null(entry, "effectiveTime", "UNK")
    else:
        add_moment(entry, "effectiveTime", moment, context.zone)


def _add_act(entry: etree._Element, context: BodyContext, act: PlannedAct, anchor: str) -> None:
    procedure = add(entry, "procedure", classCode="PROC", moodCode="INT")
    add_templates(procedure, codes.PLANNED_ACT)
    add_id(procedure, context.part_id(anchor))
    add_code(procedure, act.act)
    add_reference(procedure, anchor)
    add(procedure, "statusCode", code="active")
    _add_time(procedure, act.on, context)
    if act.priority is not None:
        add_code(procedure, act.priority, "priorityCode")


def _add_follow_up(entry: etree._Element, context: BodyContext, asked: FollowUp, anchor: str) -> None:
    observation = add(entry, "observation", classCode="OBS", moodCode="INT")
    add_templates(observation, codes.FOLLOW_UP)
    add_id(observation, context.part_id(anchor))
    add_code(observation, codes.FOLLOW_UP_CODE)
    add_reference(observation, anchor)
    add(observation, "statusCode", code="active")
    _add_time(observation, asked.on, context)
    add_text(observation, "value", asked.text).set(XSI_TYPE, "ST")


def _add_encounter(
    entry: etree._Element, context: BodyContext, planned: PlannedEncounter, anchor: str
) -> None:
    encounter = add(entry, "encounter", classCode="ENC", moodCode="ARQ")
    add_templates(encounter, codes.PLANNED_ENCOUNTER)
    add_id(encounter, context.part_id(anchor))
    add_code(encounter, planned.kind)
    add_reference(encounter, anchor)
    _add_time(encounter, planned.on, context)
    if planned.priority is not None:
        add_code(encounter, planned.priority, "priorityCode")


def add_devices(
    section: etree._Element, text: etree._Element, context: BodyContext, devices: tuple[MedicalDevice, ...]
) -> None:
    """Fill the section FR-Dispositifs-medicaux."""
    anchored = [(f"DM-{rank:03d}", device) for rank, device in enumerate(devices, start=1)]
    rows = [
        (
            shown_day(device.used_on, context.zone),
            Anchor(anchor, device.name),
            f"{device.category.code} {device.category.display}",
            device.udi.extension if device.udi else "",
        )
        for anchor, device in anchored
    ]
    add_table(text, rows, ("Date d'utilisation", "Dispositif", "Catégorie", "Identifiant unique"))
    for anchor, device in anchored:
        _add_device(add(section, "entry"), context, device, anchor)


def _add_device(entry: etree._Element, context: BodyContext, device: MedicalDevice, anchor: str) -> None:
    supply = add(entry, "supply", classCode="SPLY", moodCode="EVN")
    add_templates(supply, codes.DEVICE)
    add_id(supply, device.supply_id or context.part_id(anchor))
    add_reference(supply, anchor)
    _add_time(supply, device.used_on, context)
    role = add(add(supply, "participant", typeCode="DEV"), "participantRole", classCode="MANU")
    if device.udi is not None:
        add_id(role, device.udi)
    playing = add(role, "playingDevice", classCode="DEV", determinerCode="INSTANCE")
    code = add_code(playing, device.category)
    add(add(code, "originalText"), "reference", value=f"#{anchor}")
    for translation in device.translations:
        add_code(code, translation, "translation")


def add_allergies(
    section: etree._Element,
    text: etree._Element,
    context: BodyContext,
    allergies: tuple[Allergy, ...] | Absence,
) -> None:
    """Fill the section FR-Allergies-et-intolerances: one list, with at least one observation."""
    if isinstance(allergies, Absence):
        absent = codes.NO_ALLERGY if allergies is Absence.NONE else codes.UNKNOWN_ALLERGY
        add_table(text, [(Anchor("ALL-000", absent.display),)])
        _add_allergy(_allergy_list(section, context), context, codes.ANY_ALLERGY, absent, "ALL-000")
        return
    anchored = [(f"ALL-{rank:03d}", allergy) for rank, allergy in enumerate(allergies, start=1)]
    rows = [
        (a.kind.display, Anchor(anchor, a.text), shown_day(a.since, context.zone)) for anchor, a in anchored
    ]
    add_table(text, rows, ("Type", "Allergie ou intolérance", "Depuis"))
    concern = _allergy_list(section, context)
    for anchor, allergy in anchored:
        observation = _add_allergy(concern, context, allergy.kind, None, anchor, allergy.since)
        if allergy.agent is not None:
            _add_agent(observation, allergy.agent, anchor)


def _allergy_list(section: etree._Element, context: BodyContext) -> etree._Element:
    concern = add(add(section, "entry"), "act", classCode="ACT", moodCode="EVN")
    add_templates(concern, codes.ALLERGY_LIST)
    add_id(concern, context.part_id("allergies"))
    add_null(concern, "code", "NA")
    add(concern, "statusCode", code="completed")
    period = add(concern, "effectiveTime")
    add_null(period, "low", "NA")
    add_null(period, "high", "NA")
    return concern


def _add_allergy(
    concern: etree._Element,
    context: BodyContext,
    kind: Code,
    absent: Code | None,
    anchor: str,
    since: Moment | None = None,
) -> etree._Element:
    relation = add(concern, "entryRelationship", typeCode="SUBJ", inversionInd="false")
    observation = add(relation, "observation", classCode="OBS", moodCode="EVN")
    add_templates(observation, codes.ALLERGY)
    add_id(observation, context.part_id(anchor))
    add_code(observation, kind)
    add_reference(observation, anchor)
    add(observation, "statusCode", code="completed")
    period = add(observation, "effectiveTime")
    period.set(XSI_TYPE, "IVL_TS")
    if since is None:
        add_null(period, "low", "UNK")
    else:
        add_moment(period, "low", since, context.zone)
    if absent is not None:
        value = add_code(observation, absent, "value", "CD")
    else:
        value = add(observation, "value")
        value.set(XSI_TYPE, "CD")
    add(add(value, "originalText"), "reference", value=f"#{anchor}")
    return observation


def _add_agent(observation: etree._Element, agent: Code, anchor: str) -> None:
    participant = add(observation, "participant", typeCode="CSM")
    entity = add(add(participant, "participantRole", classCode="MANU"), "playingEntity", classCode="MMAT")
    code = add_code(entity, agent)
    add(add(code, "originalText"), "reference", value=f"#{anchor}")
