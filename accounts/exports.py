"""Exports that an administrator reviews: CSV in UTF-8 with BOM, `;`, formulas neutralised (security 4.5)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, Prefetch, Sum
from django.utils import timezone

from accounts.enums import PRIVILEGED_FAMILIES
from accounts.models import Assignment, ExternalIdentity, Role, User
from accounts.permissions import PERMISSIONS
from accounts.selectors import LOGIN_FAILURES
from audit.models import Trace

BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

ACCOUNT_COLUMNS = (
    "login", "nom", "prénom", "RPPS", "source du RPPS", "profession", "type", "état", "date création",
    "créé par", "dernière connexion", "dernier échec", "verrouillé depuis", "moyens d’authentification",
    "fournisseurs liés", "rôle", "service/UF", "date attribution", "date fin", "attribué par", "privilégié",
    "dernier changement de mot de passe",
)  # fmt: skip


def roles_csv() -> str:
    """The matrix in force: one line per permission, one column per role."""
    roles = list(Role.objects.all())
    header = ["permission", "libellé", *(role.get_code_display() for role in roles)]
    rows = (
        [name, label, *("O" if name in role.permissions else "N" for role in roles)]
        for name, label in PERMISSIONS.items()
    )
    return csv_text(header, rows)


def accounts_csv() -> str:
    """Every account, one line per habilitation in force (SC.SSI/IAM.94). No digest, no secret."""
    return csv_text(ACCOUNT_COLUMNS, _account_rows())


def _account_rows() -> Iterator[list[str]]:
    users = User.objects.order_by("login").prefetch_related(
        Prefetch(
            "assignments",
            Assignment.objects.in_force().select_related("role", "unit", "given_by").order_by("id"),
            to_attr="current",
        ),
        Prefetch(
            "external_identities", ExternalIdentity.objects.filter(revoked_at__isnull=True), to_attr="linked"
        ),
    )
    makers = dict(Trace.objects.filter(type="account.create").values_list("object_uid", "actor_login"))
    failures = _last_failures()
    locks = _locks()
    for user in users:
        person = _person(user, makers, failures, locks)
        rows: list[Assignment] = user.current
        for row in rows:
            yield [*person, *_habilitation(row), _day(user.password_changed_at)]
        if not rows:
            yield [*person, *[""] * 5, "N", _day(user.password_changed_at)]


def _person(
    user: User,
    makers: dict[UUID | None, str],
    failures: dict[UUID | None, datetime],
    locks: dict[str, datetime],
) -> list[str]:
    linked: list[ExternalIdentity] = user.linked  # type: ignore[attr-defined]  # prefetched by the caller
    means = ["mot de passe"] if user.may_use_password and user.has_usable_password() else []
    means += [identity.provider for identity in linked]
    state = "actif" if user.is_active else ("clos" if user.closed_at else "suspendu")
    return [
        user.login,
        user.family_name,
        user.given_name,
        user.rpps,
        user.rpps_source,
        user.profession,
        user.get_kind_display(),
        "verrouillé" if user.login in locks and user.is_active else state,
        _day(user.created_at),
        makers.get(user.uid, ""),
        _day(user.last_login),
        _day(failures.get(user.uid)),
        _day(locks.get(user.login)),
        ", ".join(means),
        ", ".join(identity.subject for identity in linked),
    ]


def _habilitation(row: Assignment) -> list[str]:
    return [
        str(row.role),
        row.unit.code if row.unit else "établissement",
        _day(row.since),
        _day(row.until),
        row.given_by.login if row.given_by else "installation",
        "O" if row.family in PRIVILEGED_FAMILIES else "N",
    ]


def _last_failures() -> dict[UUID | None, datetime]:
    rows = Trace.objects.filter(type__in=LOGIN_FAILURES, object_uid__isnull=False).order_by()
    return dict(rows.values_list("object_uid").annotate(last=Max("time")))


def _locks() -> dict[str, datetime]:
    """Accounts that axes holds locked now, and since when."""
    since = timezone.now() - timedelta(hours=settings.AXES_COOLOFF_TIME)
    rows = AccessAttempt.objects.filter(username__isnull=False).values("username").order_by()
    counted = rows.annotate(failures=Sum("failures_since_start"), last=Max("attempt_time"))
    locked = counted.filter(failures__gte=settings.AXES_FAILURE_LIMIT, last__gt=since)
    return {row["username"]: row["last"] for row in locked}


def _day(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime("%d/%m/%Y %H:%M") if moment else ""


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
