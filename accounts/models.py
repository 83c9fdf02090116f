"""Users, their national identities, roles and habilitations (spec psc 7; security 3, 4)."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.core.validators import RegexValidator, validate_slug
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone

from accounts.acting import Acting, Activity, acting_in
from accounts.enums import (
    PRIVILEGED_FAMILIES,
    AccountKind,
    AttributeSource,
    ClientAuthentication,
    LinkMethod,
    ProviderKind,
    RequestState,
    RoleCode,
    RoleFamily,
    SessionEnd,
)
from audit.context import Actor
from establishment.models import Unit

rpps_validator = RegexValidator(r"^[0-9]{11}$", "Un numéro RPPS compte 11 chiffres.")


def rs256() -> list[str]:
    """The one algorithm that Pro Santé Connect signs with (psc 4.4)."""
    return ["RS256"]


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
    rpps_source = models.CharField(
        "source du RPPS",
        max_length=10,
        choices=AttributeSource,
        blank=True,
        default=AttributeSource.UNVERIFIED,
    )
    rpps_verified_at = models.DateTimeField("RPPS vérifié le", null=True, blank=True)
    profession = models.CharField("profession (TRE_G15)", max_length=10, blank=True)
    specialty = models.CharField("savoir-faire (TRE_R38)", max_length=10, blank=True)
    email = models.EmailField("adresse électronique", blank=True)
    may_use_password = models.BooleanField("connexion locale par mot de passe", default=False)
    password_changed_at = models.DateTimeField("mot de passe changé le", null=True, blank=True)
    is_active = models.BooleanField("actif", default=True)
    closed_at = models.DateTimeField("clos le", null=True, blank=True)
    created_at = models.DateTimeField("créé le", default=timezone.now)

    activity: Activity | None = None
    """The activity of the session, on the person of a request alone: set by AccessMiddleware (psc 6.4)."""

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
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(is_active=False),
                name="accounts_user_closed_is_inactive",
            ),
            models.CheckConstraint(
                condition=~Q(rpps="") | Q(rpps_source="", rpps_verified_at__isnull=True),
                name="accounts_user_no_source_without_rpps",
            ),
        ]
        indexes = [models.Index(fields=["rpps"], name="accounts_user_rpps", condition=~Q(rpps=""))]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        """`Dr HODA Alice`, as shown beside what the user did."""
        return " ".join(part for part in (self.title, self.family_name, self.given_name) if part)

    @property
    def acting(self) -> Acting:
        """What goes out under this name: the activity of the session, else the account (psc 20)."""
        account = Acting(self.family_name, self.given_name, self.profession, self.specialty)
        return acting_in(self.activity, account)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether an active assignment grants `room.codename` (default deny, security 3.1)."""
        return self.is_active and perm in self.granted_permissions

    @property
    def assignments_now(self) -> tuple[Assignment, ...]:
        """Assignments in force, with role and unit; read once for each loaded user."""
        if not hasattr(self, "_assignments_now"):
            rows = self.assignments.in_force().select_related("role", "unit__site").order_by("id")
            self._assignments_now: tuple[Assignment, ...] = tuple(rows)
        return self._assignments_now

    @property
    def granted_permissions(self) -> frozenset[str]:
        """Every `room.codename` of the roles assigned today."""
        return frozenset(name for row in self.assignments_now for name in row.role.permissions)

    @property
    def is_privileged(self) -> bool:
        """Whether this is an administration account (security 3.1)."""
        return any(row.family in PRIVILEGED_FAMILIES for row in self.assignments_now)

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
    """The identity of a user at an OIDC provider; one may serve several local accounts (psc 7).

    A link that is withdrawn keeps its row, revoked; linking again makes another row.
    """

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
                condition=Q(revoked_at__isnull=True),
                name="accounts_external_identity_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.subject}"


class Role(models.Model):
    """A set of permissions `room.codename`, kept as data (security 3.1)."""

    code = models.CharField("code", max_length=20, choices=RoleCode, unique=True)
    family = models.CharField("famille", max_length=20, choices=RoleFamily)
    permissions = ArrayField(
        models.CharField(max_length=80),
        verbose_name="permissions",
        default=list,
        blank=True,
    )
    offered = ArrayField(
        models.CharField(max_length=80),
        verbose_name="permissions déjà proposées par une installation",
        default=list,
        blank=True,
        editable=False,
    )

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


class Period(Func):
    """The span of time of an assignment, open when it has no end."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class Assignment(models.Model):
    """Habilitation: a role, in a unit or in the whole establishment, for a period."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="assignments")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="assignments")
    family = models.CharField("famille", max_length=20, choices=RoleFamily, editable=False)
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
                condition=Q(until__isnull=True) | Q(until__gt=F("since")),
                name="accounts_assignment_period",
            ),
            models.CheckConstraint(
                condition=Q(given_by__isnull=True) | ~Q(given_by=models.F("user")),
                name="accounts_assignment_not_to_oneself",
            ),
            models.CheckConstraint(
                condition=Q(family__in=RoleFamily.values),
                name="accounts_assignment_family_known",
            ),
            # One account never mixes two families at the same time (security 3.1).
            ExclusionConstraint(
                name="accounts_assignment_one_family",
                expressions=[
                    ("user", RangeOperators.EQUAL),
                    ("family", RangeOperators.NOT_EQUAL),
                    (Period("since", "until"), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} : {self.role} ({self.unit or 'établissement'})"


class IdentityProvider(models.Model):
    """An OIDC provider: Pro Santé Connect, or one of the establishment (psc 3, 9; SC.SSI/IAM.80).

    A second provider is a row, not code. Secrets and keys are files named here, never columns.
    """

    slug = models.CharField("nom court", max_length=40, unique=True, validators=[validate_slug])
    label = models.CharField("libellé du bouton", max_length=80)
    hint = models.CharField("précision sous le libellé", max_length=120, blank=True)
    kind = models.CharField("nature", max_length=10, choices=ProviderKind)
    issuer = models.CharField("émetteur", max_length=300)
    discovery_url = models.CharField("document de découverte", max_length=300)
    client_id = models.CharField("identifiant client", max_length=200)
    authentication = models.CharField(
        "authentification du client",
        max_length=20,
        choices=ClientAuthentication,
        default=ClientAuthentication.BASIC,
    )
    client_secret_path = models.CharField("fichier du secret", max_length=300, blank=True)
    certificate_path = models.CharField("certificat client", max_length=300, blank=True)
    key_path = models.CharField("clé du certificat client", max_length=300, blank=True)
    ca_path = models.CharField("autorités acceptées", max_length=300, blank=True)
    proxy_url = models.CharField("mandataire HTTP", max_length=300, blank=True)
    scopes = models.CharField("portées demandées", max_length=200, default="openid")
    acr_values = models.CharField("niveau demandé", max_length=100, blank=True)
    accepted_acr = ArrayField(
        models.CharField(max_length=80), verbose_name="niveaux acceptés", default=list, blank=True
    )
    second_factor = ArrayField(
        models.CharField(max_length=80),
        verbose_name="valeurs acr ou amr qui valent deux facteurs",
        default=list,
        blank=True,
    )
    algorithms = ArrayField(
        models.CharField(max_length=10), verbose_name="algorithmes acceptés", default=rs256
    )
    rpps_claim = models.CharField("champ portant le RPPS, si digne de foi", max_length=80, blank=True)
    autolink = models.BooleanField("rattachement automatique par RPPS", default=True)
    idp_hint = models.CharField("délégation (kc_idp_hint)", max_length=100, blank=True)
    backchannel_logout = models.BooleanField(
        "fermeture des sessions par le fournisseur", default=False, db_default=False
    )
    position = models.PositiveSmallIntegerField("rang sur la page", default=0)
    is_enabled = models.BooleanField("proposé", default=True)

    class Meta:
        verbose_name = "fournisseur d'identité"
        verbose_name_plural = "fournisseurs d'identité"
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.label

    @property
    def event_prefix(self) -> str:
        """First word of this provider's trace events (psc 19)."""
        return "psc" if self.kind == ProviderKind.PSC else "oidc"


class LoginSession(models.Model):
    """One session of a user: what "my sessions" lists, and what ends everywhere (security 5)."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="login_sessions")
    session_key = models.CharField("clé de session", max_length=40)
    provider = models.CharField("fournisseur", max_length=40)
    assurance = models.CharField("moyen d'authentification", max_length=60)
    sid = models.CharField("session du fournisseur", max_length=200, blank=True)
    opened_at = models.DateTimeField("ouverte le", default=timezone.now)
    ip = models.GenericIPAddressField("adresse", null=True, blank=True)
    ended_at = models.DateTimeField("fermée le", null=True, blank=True)
    end = models.CharField("motif de fin", max_length=10, choices=SessionEnd, blank=True)

    class Meta:
        verbose_name = "session"
        ordering = ["-opened_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, end="") | (Q(ended_at__isnull=False) & ~Q(end="")),
                name="accounts_login_session_end_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-opened_at"], name="accounts_session_user"),
            models.Index(
                fields=["sid"], name="accounts_session_sid", condition=Q(ended_at__isnull=True) & ~Q(sid="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.opened_at:%Y-%m-%d %H:%M}"


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def pending(self) -> AccessRequestQuerySet:
        """Requests that an administrator has not decided."""
        return self.filter(state=RequestState.PENDING)


class AccessRequest(models.Model):
    """Someone identified by a provider, without account of ours, asks for access or for a link (psc 7.4)."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    provider = models.CharField("fournisseur", max_length=40)
    issuer = models.CharField("émetteur", max_length=300)
    subject = models.CharField("identifiant national (SubjectNameID)", max_length=100)
    sub = models.CharField("identifiant chez le fournisseur", max_length=200, blank=True)
    rpps = models.CharField("RPPS", max_length=11, blank=True)
    family_name = models.CharField("nom", max_length=100, blank=True)
    given_name = models.CharField("prénom", max_length=100, blank=True)
    profession = models.CharField("profession (TRE_G15)", max_length=10, blank=True)
    account = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="link_requests",
        verbose_name="compte désigné",
    )
    message = models.CharField("précisions", max_length=500, blank=True)
    created_at = models.DateTimeField("reçue le", default=timezone.now)
    state = models.CharField("état", max_length=10, choices=RequestState, default=RequestState.PENDING)
    decided_at = models.DateTimeField("traitée le", null=True, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        verbose_name = "demande d'accès"
        verbose_name_plural = "demandes d'accès"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "issuer", "subject"],
                condition=Q(state=RequestState.PENDING),
                name="accounts_access_request_one_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.family_name} {self.given_name} ({self.subject})"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def in_force(self, now: datetime) -> ApiTokenQuerySet:
        """Tokens neither revoked nor expired at `now`."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)


class ApiToken(models.Model):
    """A key of a service account to the API (security 3.2, 10.6). The secret is shown once, never kept.

    `scopes` says what it allows (accounts.scopes); where, the habilitations of its owner say.
    """

    LONGEST_LIFE = timedelta(days=366)

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    prefix = models.CharField("début du jeton", max_length=12, unique=True)
    digest = models.CharField("empreinte du secret (SHA-256)", max_length=64)
    scopes = ArrayField(models.CharField(max_length=40), verbose_name="portées")
    justification = models.CharField("justification", max_length=200, blank=True)
    created_at = models.DateTimeField("créé le", default=timezone.now)
    created_by = models.CharField("créé par", max_length=150)
    expires_at = models.DateTimeField("expire le")
    last_used_at = models.DateTimeField("dernier usage", null=True, blank=True)
    revoked_at = models.DateTimeField("révoqué le", null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "jeton d'application"
        verbose_name_plural = "jetons d'application"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at"))
                & Q(expires_at__lte=F("created_at") + timedelta(days=366)),
                name="accounts_api_token_expires",
            ),
            models.CheckConstraint(condition=~Q(scopes=[]), name="accounts_api_token_has_a_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.owner.login} {self.prefix}"


class FormerPassword(models.Model):
    """Digests of past passwords, so that the last ones are not taken again (security 4.1)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="former_passwords")
    digest = models.CharField("empreinte", max_length=128)
    replaced_at = models.DateTimeField("remplacé le", default=timezone.now)

    class Meta:
        verbose_name = "ancien mot de passe"
        verbose_name_plural = "anciens mots de passe"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.user} {self.replaced_at:%Y-%m-%d}"
