"""Template tags of the interface: marks of states, icons, French writing. `{% load ui %}`."""

from datetime import date, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ui import french, icons, pills

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 16, css: str = "") -> SafeString:
    """`{% icon "bed" 24 %}`: an icon of the sprite, always beside its word."""
    return icons.icon(name, size, css)


@register.simple_tag
def icon_sprite() -> SafeString:
    """The sprite itself, once per page; `base.html` calls it."""
    return icons.SPRITE


@register.simple_tag
def pill(
    family: str, state: object, detail: str = "", *, short: bool = False, place: str = "row", css: str = ""
) -> SafeString:
    """`{% pill "order_state" order.state detail short=True place="banner" %}`: one state, icon and word.

    Family and states are those of `ui.pills`; `detail` is a time, a code or a reason; `place` is
    `row` or `banner`. States of origin are drawn as tiles, marks of reception as badges.
    """
    mark = pills.mark(family, state)
    word = mark.word(short=short, detail=str(detail or ""))
    weight = (mark.banner or mark.weight) if place == "banner" else mark.weight
    if weight == "badge":
        return format_html('<span class="badge">{}</span>', word)
    size = 24 if place == "banner" else 16
    turning = "turning" if mark.icon == "ring" else ""
    picture = icons.icon(mark.icon, size, turning) if mark.icon else ""
    if weight == "tile":
        box = format_html('<span class="tile__box">{}</span>', picture)
        return format_html(
            '<span class="tile is-{}">{}<span class="tile__word">{}</span></span>', mark.tone, box, word
        )
    classes = " ".join(
        filter(
            None,
            ("pill", f"is-{weight}", f"is-{mark.tone}", "pill--banner" if place == "banner" else "", css),
        )
    )
    return format_html('<span class="{}">{}<span>{}</span></span>', classes, picture, word)


@register.simple_tag
def state_word(family: str, state: object, *, short: bool = False) -> str:
    """The word of a state alone, for running text and attributes."""
    return pills.mark(family, state).word(short=short)


@register.simple_tag
def state_tone(family: str, state: object) -> str:
    """The tone of a state, for a class of its surroundings."""
    return pills.mark(family, state).tone


@register.simple_tag
def state_icon(family: str, state: object, size: int = 16) -> SafeString | str:
    """The icon of a state alone, where the word stands elsewhere in the same cell."""
    name = pills.mark(family, state).icon
    return icons.icon(name, size) if name else ""


@register.simple_tag
def explanation(family: str, state: object) -> str:
    """The plain sentence that explains a state, or nothing."""
    return pills.mark(family, state).explanation


@register.filter
def care_date(value: date | None) -> str:
    """`28/03/1979`."""
    return french.care_date(value)


@register.filter
def dense_date(value: date | None) -> str:
    """`08/03/25`."""
    return french.dense_date(value)


@register.filter
def hour(value: datetime | None) -> str:
    """`14:32`."""
    return french.hour(value)


@register.filter
def when(value: datetime | None) -> str:
    """`14:32` today, else `08/03 14:36`."""
    return french.when(value, timezone.now())


@register.filter
def moment(value: datetime | None) -> str:
    """`08/03 14:36`."""
    return french.moment(value, timezone.now())


@register.filter
def full_moment(value: datetime | None) -> str:
    """`06/03/2025 11:02`."""
    return french.full_moment(value)


@register.filter
def traced(value: datetime | None) -> str:
    """`06/03/2025 11:02:31 +01:00`."""
    return french.traced(value)


@register.filter
def departure(value: datetime | None) -> str:
    """`aujourd’hui 22:00`."""
    return french.departure(value, timezone.now())


@register.filter
def scheduled(value: datetime | None) -> str:
    """The detail of the pill `Programmé`."""
    return french.scheduled(value, timezone.now())


@register.filter
def age(birth: date | None, on: date | None = None) -> str:
    """`45 ans` today, or on the date given."""
    return french.age(birth, on or timezone.localdate())


@register.filter
def stay_day(entry: datetime | None) -> str:
    """`J2`."""
    return french.stay_day(entry, timezone.now())


@register.filter
def given_name(value: str | None) -> str:
    """`Dominique`."""
    return french.given_name(value)


@register.filter
def matricule(value: str | None) -> str:
    """`2 79 03 51 215 189 89`."""
    return french.matricule(value)


@register.filter
def whole(value: int | None) -> str:
    """`1 270`."""
    return french.whole(value)


@register.filter
def percent(value: float | None, digits: int = 1) -> str:
    """`81,4 %`."""
    return french.percent(value, digits)


@register.filter
def file_size(value: int | None) -> str:
    """`184 Ko`."""
    return french.file_size(value)
