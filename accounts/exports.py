"""Exports that an administrator reviews: CSV in UTF-8 with BOM, `;`, formulas neutralised (security 4.5)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from accounts.models import Role
from accounts.permissions import PERMISSIONS

BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def roles_csv() -> str:
    """The matrix in force: one line per permission, one column per role."""
    roles = list(Role.objects.all())
    header = ["permission", "libellé", *(role.get_code_display() for role in roles)]
    rows = (
        [name, label, *("O" if name in role.permissions else "N" for role in roles)]
        for name, label in PERMISSIONS.items()
    )
    return csv_text(header, rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """RFC 4180 with `;`; a cell that a spreadsheet would run is read as text."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    for row in (header, *rows):
        writer.writerow([neutral(cell) for cell in row])
    return BOM + out.getvalue()


def neutral(cell: str) -> str:
    """The cell, behind a quote when it starts as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
