"""What every page needs of the reader's preferences: theme and single-key shortcuts."""

from django.http import HttpRequest

from ui import preferences


def interface(request: HttpRequest) -> dict[str, object]:
    """Give `theme` (`auto`, `clair`, `sombre`), `themes` and `shortcuts` to every template."""
    return {
        "theme": preferences.theme_of(request),
        "themes": preferences.Theme,
        "shortcuts": preferences.shortcuts_of(request),
    }
