"""Users, their national identities, roles and habilitations (spec psc 7; security 3, 4)."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.enums import AccountKind, LinkMethod, RoleCode, RoleFamily
from audit.context import Actor
from establishment.models import Unit

rpps_validator = RegexValidator(r"^[0-9]{11}$", "Un numéro RPPS compte 11 chiffres.")


class UserManager(BaseUserManager["User"]):
    """Creates accounts; rights come from assignments alone, so there is no superuser."""

    def create_user(self, login: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(login=login, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """An account of the hospital. `has_perm` answers from the active assignments only."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    login = models.CharField("identifiant de connexion", max_length=80, unique=True)
    family_name = models.CharField("nom d'exercice", max_length=100)
    given_name = models.CharField("prénom", max_length=100)
    title = models.CharField("civilité d'exercice", max_length=10, blank=True)
    kind = models.CharField("nature", max_length=12, choices=AccountKind, default=AccountKind.NOMINATIVE)
    rpps = models.CharField("RPPS", max_length=11, blank=True, validators=[rpps_validator])
    profession = models.CharField("profession (TRE_G15)", max_length=10, blank=True)
    specialty = models.CharField("savoir-faire (TRE_R38)", max_length=10, blank=True)
    email = models.EmailField("adresse électronique", blank=True)
    may_use_password = models.BooleanField("connexion locale par mot de passe", default=False)
    is_active = models.BooleanField("actif", default=True)
    created_at = models.DateTimeField("créé le", default=timezone.now)

    USERNAME_FIELD = "login"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["family_name", "given_name"]

    objects = UserManager()

    class Meta:
        verbose_name = "utilisateur"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=AccountKind.NOMINATIVE) | Q(rpps=""),
                name="accounts_user_generic_has_no_rpps",
            ),
        ]
        indexes = [models.Index(fields=["rpps"], name="accounts_user_rpps", condition=~Q(rpps=""))]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        """`Dr HODA Alice`, as shown beside what the user did."""
        return " ".join(part for part in (self.title, self.family_name, self.given_name) if part)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether an active assignment grants `room.codename` (default deny, security 3.1)."""
        return self.is_active and perm in self.granted_permissions

    @property
    def granted_permissions(self) -> frozenset[str]:
        """Every `room.codename` of the roles assigned today; read once for each loaded user."""
        if not hasattr(self, "_granted"):
            roles = Role.objects.filter(assignments__in=self.assignments.in_force())
            self._granted = frozenset(
                name for names in roles.values_list("permissions", flat=True) for name in names
            )
        return self._granted

    @property
    def is_staff(self) -> bool:
        """Whether the support screens (Django admin) open for this account."""
        return self.has_perm("accounts.support_screens")

    def as_actor(self, *, role: str = "", service: str = "", assurance: str = "") -> Actor:
        """This user as the actor of a trace row."""
        return Actor(
            login=self.login,
            uid=self.uid,
            subject_name_id=f"8{self.rpps}" if self.rpps else "",
            role=role,
            service=service,
            assurance=assurance,
        )


class ExternalIdentity(models.Model):
    """The identity of a user at an OIDC provider; one may serve several local accounts (psc 7)."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="external_identities")
    provider = models.CharField("fournisseur", max_length=40)
    issuer = models.CharField("émetteur", max_length=300)
    subject = models.CharField("identifiant national (SubjectNameID)", max_length=100)
    sub = models.CharField("identifiant chez le fournisseur", max_length=200, blank=True)
    method = models.CharField("mode de rattachement", max_length=10, choices=LinkMethod)
    linked_at = models.DateTimeField("rattaché le", default=timezone.now)
    linked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    last_login_at = models.DateTimeField("dernière connexion", null=True, blank=True)
    revoked_at = models.DateTimeField("révoqué le", null=True, blank=True)

    class Meta:
        verbose_name = "identité externe"
        verbose_name_plural = "identités externes"
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "issuer", "subject", "user"],
                name="accounts_external_identity_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.subject}"


class Role(models.Model):
    """A set of permissions `room.codename`, kept as data (security 3.1)."""

    code = models.CharField("code", max_length=20, choices=RoleCode, unique=True)
    family = models.CharField("famille", max_length=20, choices=RoleFamily)
    permissions = ArrayField(models.CharField(max_length=80), verbose_name="permissions", default=list)

    class Meta:
        verbose_name = "rôle"
        ordering = ["code"]

    def __str__(self) -> str:
        return self.get_code_display()


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def in_force(self) -> AssignmentQuerySet:
        """Assignments valid now."""
        now = timezone.now()
        return self.filter(Q(until__isnull=True) | Q(until__gt=now), since__lte=now)


class Assignment(models.Model):
    """Habilitation: a role, in a unit or in the whole establishment, for a period."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assignments")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="assignments")
    unit = models.ForeignKey(
        Unit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="assignments",
    )
    since = models.DateTimeField("depuis", default=timezone.now)
    until = models.DateTimeField("jusqu'au", null=True, blank=True)
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = "habilitation"
        constraints = [
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=models.F("since")),
                name="accounts_assignment_period",
            ),
            models.CheckConstraint(
                condition=Q(given_by__isnull=True) | ~Q(given_by=models.F("user")),
                name="accounts_assignment_not_to_oneself",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} : {self.role} ({self.unit or 'établissement'})"
