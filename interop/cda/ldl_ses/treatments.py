"""Treatments: narrative table and FR-Traitement entries (cda.md 7.1)."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from lxml import etree

from interop.cda.context import BodyContext
from interop.cda.datatypes import Code, hl7_moment
from interop.cda.elements import (
    XSI_TYPE,
    add,
    add_code,
    add_id,
    add_null,
    add_templates,
    add_text,
)
from interop.cda.ldl_ses import codes
from interop.cda.ldl_ses.model import Absence, MaxDose, Period, Quantity, Treatment
from interop.cda.narrative import Anchor, Cell, add_table, shown_day
from interop.cda.sections import add_reference

_HEAD = (
    "Date de début",
    "Date de fin",
    "Médicament",
    "Dose",
    "Fréquence",
    "Voie d'administration",
    "Rythme d'administration",
    "Dose maximale",
    "Commentaire",
)


def add_treatments(
    section: etree._Element,
    text: etree._Element,
    context: BodyContext,
    treatments: Sequence[Treatment],
    prefix: str,
) -> None:
    """Fill a section with treatments; `prefix` makes the anchors of the section its own."""
    anchors = [f"{prefix}-{rank:03d}" for rank in range(1, len(treatments) + 1)]
    add_table(text, [_row(t, a, context) for t, a in zip(treatments, anchors, strict=True)], _HEAD)
    for treatment, anchor in zip(treatments, anchors, strict=True):
        _add_treatment(add(section, "entry"), context, treatment, anchor)


def add_no_treatment(
    section: etree._Element, text: etree._Element, context: BodyContext, absence: Absence, anchor: str
) -> None:
    """Fill a section that must hold one entry although there is nothing, or nothing known, to say."""
    code = codes.NO_MEDICATION if absence is Absence.NONE else codes.UNKNOWN_MEDICATION
    add_table(text, [(Anchor(anchor, code.display),)])
    administration = _administration(add(section, "entry"), context, code, anchor)
    period = add(administration, "effectiveTime")
    period.set(XSI_TYPE, "IVL_TS")
    add_null(period, "low", "NA")
    add_null(period, "high", "NA")
    material = _product(administration)
    add_null(material, "code", "NA")
    add_null(material, "name", "NA")


def _row(treatment: Treatment, anchor: str, context: BodyContext) -> tuple[Cell, ...]:
    return (
        shown_day(treatment.start, context.zone),
        shown_day(treatment.end, context.zone),
        Anchor(anchor, treatment.name),
        treatment.dose_text or _shown_quantity(treatment.dose),
        treatment.frequency_text or _shown_period(treatment.frequency),
        treatment.route_text or (treatment.route.display if treatment.route else ""),
        treatment.rate_text or _shown_quantity(treatment.rate),
        treatment.max_dose_text or _shown_max_dose(treatment.max_dose),
        treatment.comment,
    )


def _shown_quantity(quantity: Quantity | None) -> str:
    if quantity is None:
        return ""
    unit = _shown_unit(quantity.unit, quantity.high)
    if quantity.high == quantity.low:
        return f"{_shown_number(quantity.low)} {unit}"
    return f"{_shown_number(quantity.low)} à {_shown_number(quantity.high)} {unit}"


def _shown_period(period: Period | None) -> str:
    if period is None:
        return ""
    if period.value == 1:
        return f"1 fois par {_shown_unit(period.unit, period.value)}"
    return f"toutes les {_shown_number(period.value)} {_shown_unit(period.unit, period.value)}"


def _shown_max_dose(dose: MaxDose | None) -> str:
    if dose is None:
        return ""
    amount = f"{_shown_number(dose.amount)} {_shown_unit(dose.unit, dose.amount)}"
    period = _shown_unit(dose.period.unit, dose.period.value)
    if dose.period.value == 1:
        return f"{amount} par {period}"
    return f"{amount} en {_shown_number(dose.period.value)} {period}"


def _shown_unit(unit: str, value: Decimal) -> str:
    """Return a UCUM unit as French readers write it, in the plural from two on."""
    label = codes.UNIT_LABELS.get(unit)
    if label is None:
        return unit.strip("{}")
    is_invariable = " " in label or label.endswith("s")
    return label if value < 2 or is_invariable else f"{label}s"


def _shown_number(value: Decimal) -> str:
    return _number(value).replace(".", ",")


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _add_treatment(entry: etree._Element, context: BodyContext, treatment: Treatment, anchor: str) -> None:
    administration = _administration(entry, context, None, anchor)
    _add_duration(administration, context, treatment)
    if treatment.frequency is not None:
        frequency = add(administration, "effectiveTime", operator="A")
        frequency.set(XSI_TYPE, "PIVL_TS")
        _add_quantity(frequency, "period", treatment.frequency.value, treatment.frequency.unit)
    if treatment.route is not None:
        add_code(administration, treatment.route, "routeCode")
    for name, quantity in (("doseQuantity", treatment.dose), ("rateQuantity", treatment.rate)):
        if quantity is not None:
            bounds = add(administration, name)
            _add_quantity(bounds, "low", quantity.low, quantity.unit)
            _add_quantity(bounds, "high", quantity.high, quantity.unit)
    if treatment.max_dose is not None:
        maximum = add(administration, "maxDoseQuantity")
        _add_quantity(maximum, "numerator", treatment.max_dose.amount, treatment.max_dose.unit)
        period = treatment.max_dose.period
        _add_quantity(maximum, "denominator", period.value, period.unit)
    _add_material(_product(administration), treatment, anchor)


def _administration(
    entry: etree._Element, context: BodyContext, absence: Code | None, anchor: str
) -> etree._Element:
    administration = add(entry, "substanceAdministration", classCode="SBADM", moodCode="EVN")
    add_templates(administration, codes.TREATMENT)
    add_id(administration, context.part_id(anchor))
    code = add_code(administration, absence or codes.DRUG)
    if absence is not None:
        add(add(code, "originalText"), "reference", value=f"#{anchor}")
    add_reference(administration, anchor)
    add(administration, "statusCode", code="completed")
    return administration


def _add_duration(administration: etree._Element, context: BodyContext, treatment: Treatment) -> None:
    period = add(administration, "effectiveTime")
    period.set(XSI_TYPE, "IVL_TS")
    for name, moment in (("low", treatment.start), ("high", treatment.end)):
        if moment is None:
            add_null(period, name, "UNK")
        else:
            add(period, name, value=hl7_moment(moment, context.zone))


def _product(administration: etree._Element) -> etree._Element:
    product = add(add(administration, "consumable"), "manufacturedProduct")
    add_templates(product, codes.PRODUCT)
    return add(product, "manufacturedMaterial")


def _add_material(material: etree._Element, treatment: Treatment, anchor: str) -> None:
    if treatment.product is None:
        add_null(material, "code", "UNK")
    else:
        code = add_code(material, _named(treatment.product))
        add(add(code, "originalText"), "reference", value=f"#{anchor}")
        for translation in treatment.translations:
            add_code(code, _named(translation), "translation")
    add_text(material, "name", treatment.name)


def _named(code: Code) -> Code:
    return replace(code, system_name=code.system_name or codes.CODE_SYSTEM_NAMES.get(code.system, ""))


def _add_quantity(parent: etree._Element, name: str, value: Decimal, unit: str) -> None:
    add(parent, name, value=_number(value), unit=unit)
