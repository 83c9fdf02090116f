"""Patients, their identity and identifiers, alerts, stays (spec ins 1, 7, 10; hl7v2 4)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from establishment.models import Unit
from patients.enums import (
    AlertKind,
    AlertState,
    CollectionMethod,
    EpisodeKind,
    EpisodeState,
    IdentifierKind,
    IdentityAttribute,
    IdentityStatus,
    InsiDecision,
    InsiPurpose,
    InsiState,
    Sex,
    TeamSource,
)

PRESENT_STATES = (EpisodeState.PLANNED, EpisodeState.OPEN)
"""A patient expected or there: on the lists of the units."""


class Patient(models.Model):
    """A person known to the hospital: strict traits, complementary traits, identity status.

    The status crosses two facts (ins 7.1): the traits were recovered from INSi and accepted, and a
    high-trust document was controlled. `search_*` columns are normalised copies filled by services.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    birth_name = models.CharField("nom de naissance", max_length=100)
    birth_given_names = models.CharField("prénoms de naissance", max_length=100, blank=True)
    first_birth_given_name = models.CharField("premier prénom de naissance", max_length=100)
    birth_date = models.DateField("date de naissance", null=True, blank=True)
    is_birth_date_estimated = models.BooleanField("date de naissance estimée", default=False)
    sex = models.CharField("sexe", max_length=1, choices=Sex, default=Sex.UNDETERMINED)
    birth_place_cog = models.CharField("lieu de naissance (code INSEE)", max_length=5, blank=True)

    used_name = models.CharField("nom utilisé", max_length=100, blank=True)
    used_given_name = models.CharField("prénom utilisé", max_length=100, blank=True)
    birth_place_label = models.CharField("lieu de naissance", max_length=100, blank=True)
    street = models.CharField("voie", max_length=200, blank=True)
    postal_code = models.CharField("code postal", max_length=10, blank=True)
    city = models.CharField("commune", max_length=80, blank=True)
    phone = models.CharField("téléphone", max_length=30, blank=True)
    email = models.EmailField("adresse électronique", blank=True)
    attending_doctor_name = models.CharField("médecin traitant", max_length=200, blank=True)
    attending_doctor_rpps = models.CharField("RPPS du médecin traitant", max_length=11, blank=True)
    died_at = models.DateTimeField("décès", null=True, blank=True)

    is_ins_recovered = models.BooleanField("traits récupérés d'INSi et acceptés", default=False)
    is_identity_controlled = models.BooleanField("pièce à haut niveau de confiance contrôlée", default=False)
    identity_status = models.GeneratedField(
        expression=Case(
            When(
                is_ins_recovered=True,
                is_identity_controlled=True,
                then=Value(IdentityStatus.QUAL),
            ),
            When(is_ins_recovered=True, then=Value(IdentityStatus.RECUP)),
            When(is_identity_controlled=True, then=Value(IdentityStatus.VALI)),
            default=Value(IdentityStatus.PROV),
        ),
        output_field=models.CharField("statut de l'identité", max_length=5, choices=IdentityStatus),
        db_persist=True,
    )
    identity_attributes = ArrayField(
        models.CharField(max_length=4, choices=IdentityAttribute),
        verbose_name="attributs",
        default=list,
        blank=True,
    )
    is_identity_under_review = models.BooleanField("identité en cours de révision", default=False)
    is_closed = models.BooleanField("identité fermée (doublon, désactivée)", default=False)
    collection_method = models.CharField(
        "mode d'obtention", max_length=4, choices=CollectionMethod, blank=True
    )
    insi_query_date = models.DateField("date d'appel INSi", null=True, blank=True)
    identity_document = models.CharField("pièce d'identité (ZFD-7)", max_length=6, blank=True)
    identity_document_expiry = models.DateField("fin de validité de la pièce", null=True, blank=True)
    identity_stamp = models.PositiveIntegerField("version de l'identité", default=1)
    identity_updated_at = models.DateTimeField("identité mise à jour le", default=timezone.now)

    search_birth_name = models.CharField(max_length=100, editable=False, default="")
    search_used_name = models.CharField(max_length=100, editable=False, default="")
    search_given_names = models.CharField(max_length=100, editable=False, default="")
    search_used_given_name = models.CharField(max_length=100, editable=False, default="")
    search_full_name = models.CharField(max_length=310, editable=False, default="")
    search_phonetic = models.CharField(max_length=120, editable=False, default="")
    search_used_phonetic = models.CharField(max_length=120, editable=False, default="")

    created_at = models.DateTimeField("créé le", default=timezone.now)
    updated_at = models.DateTimeField("modifié le", auto_now=True)

    class Meta:
        verbose_name = "patient"
        constraints = [
            models.CheckConstraint(
                condition=~Q(
                    identity_attributes__overlap=[
                        IdentityAttribute.DOUT,
                        IdentityAttribute.FICT,
                    ]
                )
                | Q(is_ins_recovered=False, is_identity_controlled=False),
                name="patients_doubtful_is_provisional",
            ),
            models.CheckConstraint(
                condition=~Q(identity_attributes__contains=[IdentityAttribute.FICT])
                | Q(identity_attributes=[IdentityAttribute.FICT]),
                name="patients_fictive_alone",
            ),
        ]
        indexes = [
            models.Index(
                fields=["birth_date", "search_birth_name"],
                name="patients_birth_name",
                opclasses=["date_ops", "text_pattern_ops"],
            ),
            models.Index(
                fields=["birth_date", "search_used_name"],
                name="patients_used_name",
                opclasses=["date_ops", "text_pattern_ops"],
            ),
            models.Index(
                fields=["search_birth_name", "search_given_names"],
                name="patients_name",
                opclasses=["text_pattern_ops", "text_pattern_ops"],
            ),
            models.Index(
                fields=["search_used_name", "search_given_names"],
                name="patients_used_full_name",
                opclasses=["text_pattern_ops", "text_pattern_ops"],
            ),
            models.Index(
                fields=["search_phonetic"], name="patients_phonetic", opclasses=["text_pattern_ops"]
            ),
            models.Index(
                fields=["search_used_phonetic"],
                name="patients_used_phonetic",
                opclasses=["text_pattern_ops"],
                condition=~Q(search_used_phonetic=""),
            ),
            GinIndex(fields=["search_full_name"], name="patients_trigram", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return f"patient {self.uid}"

    @property
    def is_qualified(self) -> bool:
        return self.is_ins_recovered and self.is_identity_controlled

    @property
    def is_doubtful(self) -> bool:
        """Doubtful or fictive: nothing new leaves the house (ins 7.2)."""
        return bool({IdentityAttribute.DOUT, IdentityAttribute.FICT} & set(self.identity_attributes))


class Identifier(models.Model):
    """An identifier of a patient with its assigning authority, kept when it ends (ins 10)."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="identifiers")
    kind = models.CharField("nature", max_length=5, choices=IdentifierKind)
    value = models.CharField("valeur", max_length=60)
    oid = models.CharField("OID de l'autorité", max_length=64, blank=True)
    namespace = models.CharField("autorité", max_length=60, blank=True)
    facility = models.CharField("FINESS de l'autorité (sans OID)", max_length=60, blank=True)
    type_code = models.CharField("type (CX-5)", max_length=10, blank=True)
    is_active = models.BooleanField("actif", default=True)
    since = models.DateField("depuis", null=True, blank=True)
    ended_at = models.DateTimeField("terminé le", null=True, blank=True)
    end_reason = models.CharField("motif de fin", max_length=100, blank=True)
    created_at = models.DateTimeField("enregistré le", default=timezone.now)

    class Meta:
        verbose_name = "identifiant"
        constraints = [
            models.UniqueConstraint(
                fields=["patient"],
                condition=Q(kind=IdentifierKind.INS, is_active=True),
                name="patients_one_active_ins",
            ),
            models.UniqueConstraint(
                fields=["value", "oid", "namespace", "facility"],
                condition=Q(kind=IdentifierKind.IPP),
                name="patients_ipp_unique",
            ),
            models.CheckConstraint(
                condition=~Q(kind=IdentifierKind.INS) | ~Q(oid=""),
                name="patients_ins_has_oid",
            ),
        ]
        indexes = [
            models.Index(fields=["value", "kind"], name="patients_identifier_value"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} du patient {self.patient_id}"


class IdentityEvent(models.Model):
    """One version of the identity: who changed what, on which evidence (ins 7.3, 10)."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="identity_events")
    kind = models.CharField("événement", max_length=40)
    at = models.DateTimeField("le", default=timezone.now)
    actor_login = models.CharField("par", max_length=150)
    actor_uid = models.UUIDField("utilisateur", null=True, blank=True)
    before = models.JSONField("avant", default=dict)
    after = models.JSONField("après", default=dict)
    evidence = models.CharField("preuve", max_length=200, blank=True)
    message_uid = models.UUIDField("message HL7", null=True, blank=True)

    class Meta:
        verbose_name = "événement d'identité"
        verbose_name_plural = "événements d'identité"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d}"


class InsiQuery(models.Model):
    """A question to INSi about a patient, and its answer kept as it came (EXI REC 07, 08; ins 10.3).

    `attempts` are the searches made, in order: given names, place, code of each. `identity_stamp` is the
    version of the identity that was asked about: another one is not replaced by this answer.
    """

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="insi_queries")
    purpose = models.CharField("objet", max_length=12, choices=InsiPurpose)
    operation = models.CharField("opération", max_length=10)
    identity_stamp = models.PositiveIntegerField("version de l'identité")
    asked_at = models.DateTimeField("demandé le", default=timezone.now)
    asked_by = models.UUIDField("demandé par", null=True, blank=True)
    asked_by_login = models.CharField("compte", max_length=150)
    state = models.CharField("état", max_length=10, choices=InsiState, default=InsiState.PENDING)
    ended_at = models.DateTimeField("terminé le", null=True, blank=True)
    attempts = models.JSONField("recherches", default=list, blank=True)
    code = models.CharField("code retour", max_length=2, blank=True)
    error_code = models.CharField("code d'erreur", max_length=120, blank=True)
    error_text = models.CharField("erreur", max_length=500, blank=True)
    message_id = models.CharField("identifiant du message", max_length=80, blank=True)
    answer = models.BinaryField("réponse", default=bytes, blank=True)
    decision = models.CharField("décision", max_length=10, choices=InsiDecision, blank=True)
    decided_at = models.DateTimeField("décidé le", null=True, blank=True)
    decided_by_login = models.CharField("décidé par", max_length=150, blank=True)

    class Meta:
        verbose_name = "appel à INSi"
        verbose_name_plural = "appels à INSi"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient"],
                condition=Q(state=InsiState.PENDING),
                name="patients_one_insi_query_pending",
            ),
            models.CheckConstraint(
                condition=Q(decision="") | Q(state=InsiState.ANSWERED, code="00"),
                name="patients_insi_decision_on_an_identity",
            ),
        ]

    def __str__(self) -> str:
        return f"INSi {self.purpose} {self.state} {self.code}"


class Alert(models.Model):
    """An alert in three states; no row at all reads as « non renseignée », never as none."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="alerts")
    kind = models.CharField("nature", max_length=20, choices=AlertKind)
    state = models.CharField("état", max_length=12, choices=AlertState)
    label = models.CharField("libellé", max_length=200, blank=True)
    is_active = models.BooleanField("en cours", default=True)
    recorded_at = models.DateTimeField("enregistrée le", default=timezone.now)
    recorded_by = models.CharField("par", max_length=150, blank=True)

    class Meta:
        verbose_name = "alerte"
        constraints = [
            models.CheckConstraint(
                condition=(Q(state=AlertState.KNOWN) & ~Q(label=""))
                | (
                    Q(
                        state__in=[AlertState.NONE_KNOWN, AlertState.NOT_RECORDED],
                        label="",
                    )
                ),
                name="patients_alert_label_iff_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["patient", "kind"],
                condition=Q(is_active=True),
                name="patients_alert_active",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} : {self.get_state_display()}"


class Episode(models.Model):
    """Venue or séjour: one PV1-19 visit; the episode of care of the choices (hl7v2 4.4, 4.6)."""

    uid = models.UUIDField("identifiant", unique=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="episodes")
    visit_number = models.CharField("numéro de venue", max_length=60, blank=True)
    visit_authority = models.CharField("autorité du numéro", max_length=120, blank=True)
    account_number = models.CharField("numéro de dossier administratif", max_length=60, blank=True)
    kind = models.CharField("nature", max_length=1, choices=EpisodeKind)
    state = models.CharField("état", max_length=10, choices=EpisodeState)
    planned_at = models.DateTimeField("prévu le", null=True, blank=True)
    admitted_at = models.DateTimeField("entrée", null=True, blank=True)
    discharged_at = models.DateTimeField("sortie", null=True, blank=True)
    expected_discharge_at = models.DateTimeField("sortie prévue le", null=True, blank=True)
    unit = models.ForeignKey(
        Unit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="episodes",
        verbose_name="UF de responsabilité médicale",
    )
    nursing_unit = models.ForeignKey(
        Unit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="UF de responsabilité soignante",
    )
    housing_unit = models.ForeignKey(
        Unit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="UF d'hébergement",
    )
    room = models.CharField("chambre", max_length=20, blank=True)
    bed = models.CharField("lit", max_length=20, blank=True)
    attending_name = models.CharField("médecin responsable", max_length=200, blank=True)
    attending_rpps = models.CharField("RPPS du médecin responsable", max_length=11, blank=True)
    referring_name = models.CharField("médecin adresseur", max_length=200, blank=True)
    referring_rpps = models.CharField("RPPS du médecin adresseur", max_length=11, blank=True)
    dmp_hint = models.CharField("statut DMP reçu (ZFA-1)", max_length=12, blank=True)
    created_at = models.DateTimeField("créé le", db_default=Now())

    class Meta:
        verbose_name = "épisode de soins"
        verbose_name_plural = "épisodes de soins"
        constraints = [
            models.UniqueConstraint(
                fields=["visit_number", "visit_authority"],
                condition=~Q(visit_number=""),
                name="patients_visit_number_unique",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "-admitted_at"], name="patients_episode_patient"),
            models.Index(fields=["unit", "state"], name="patients_episode_unit"),
            models.Index(
                fields=["nursing_unit"],
                condition=Q(state__in=PRESENT_STATES),
                name="patients_episode_nursing",
            ),
            models.Index(
                fields=["housing_unit"],
                condition=Q(state__in=PRESENT_STATES),
                name="patients_episode_housing",
            ),
            models.Index(fields=["account_number"], name="patients_episode_account"),
        ]

    def __str__(self) -> str:
        return f"épisode {self.visit_number or self.uid}"


class Movement(models.Model):
    """One movement of a stay, known by the identifiers of ZBE-1 (hl7v2 4.4)."""

    episode = models.ForeignKey(Episode, on_delete=models.PROTECT, related_name="movements")
    identifiers = ArrayField(models.CharField(max_length=200), verbose_name="identifiants (ZBE-1)")
    event = models.CharField("événement", max_length=3)
    start_at = models.DateTimeField("début")
    is_historic = models.BooleanField("mouvement historique", default=False)
    is_cancelled = models.BooleanField("annulé", default=False)
    nature = models.CharField("nature (ZBE-9)", max_length=3, blank=True)
    medical_unit_code = models.CharField("UF médicale", max_length=20, blank=True)
    nursing_unit_code = models.CharField("UF soignante", max_length=20, blank=True)
    housing_unit_code = models.CharField("UF d'hébergement", max_length=20, blank=True)
    room = models.CharField("chambre", max_length=20, blank=True)
    bed = models.CharField("lit", max_length=20, blank=True)
    patient_class = models.CharField("nature du séjour", max_length=1, blank=True)
    attending_name = models.CharField("médecin responsable", max_length=200, blank=True)
    attending_rpps = models.CharField("RPPS", max_length=11, blank=True)
    message_uid = models.UUIDField("message HL7", null=True, blank=True)
    received_at = models.DateTimeField("reçu le", default=timezone.now)

    class Meta:
        verbose_name = "mouvement"
        ordering = ["start_at", "id"]

    def __str__(self) -> str:
        return f"{self.event} {self.start_at:%Y-%m-%d %H:%M}"


class CareTeamMember(models.Model):
    """A person of the care team of an episode (security 3.3); units give the others."""

    episode = models.ForeignKey(Episode, on_delete=models.PROTECT, related_name="team")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="care_teams")
    source = models.CharField("origine", max_length=10, choices=TeamSource)
    since = models.DateTimeField("depuis", default=timezone.now)
    until = models.DateTimeField("jusqu'au", null=True, blank=True)

    class Meta:
        verbose_name = "membre de l'équipe de soins"
        verbose_name_plural = "membres de l'équipe de soins"
        constraints = [
            models.UniqueConstraint(
                fields=["episode", "user"],
                condition=Q(until__isnull=True),
                name="patients_team_member_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_source_display()})"
