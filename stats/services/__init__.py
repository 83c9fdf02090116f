"""Writes of the indicators: months closed, files prepared, what was looked at."""

from stats.services.closing import month_close, months_close
from stats.services.exporting import (
    export_build,
    export_monthly,
    export_open,
    export_request,
    export_trace,
    exports_expire,
    figures_trace,
)
from stats.services.reading import board_trace, stays_trace

__all__ = [
    "board_trace",
    "export_build",
    "export_monthly",
    "export_open",
    "export_request",
    "export_trace",
    "exports_expire",
    "figures_trace",
    "month_close",
    "months_close",
    "stays_trace",
]
