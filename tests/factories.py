"""One factory per model: plausible French data, official test identities, valid INS keys.

Factories write rows straight into the tables, without the services: what a test is about goes
through the services, the rest comes from here.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, date, datetime, timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from accounts.enums import LinkMethod, RoleCode
from accounts.models import Assignment, ExternalIdentity, Role, User
from accounts.roles import DEFAULT_ROLES
from consent.enums import ChoiceSource, ChoiceValue, Subject
from consent.models import Choice
from documents.enums import Origin, Structure, VersionState
from documents.models import Document, Version
from establishment.enums import NationalService, Switch
from establishment.models import InstallationSwitch, LegalEntity, ServiceEndpoint, Site, Unit
from exchange.enums import Direction, MessageState
from exchange.identifiers import new_control_id
from exchange.models import Message, Partner
from interop.cda.codes import LETTRE_DE_LIAISON_SORTIE
from interop.ins.codes import INS_NIR_TEST_OID
from interop.ins.key import nir_key
from mssante.enums import AddressSource, MailAction, MailboxKind
from mssante.models import Correspondent, CorrespondentAddress, Mailbox, OutgoingMail
from mssante.rules import address_key
from patients.enums import (
    AlertKind,
    AlertState,
    EpisodeKind,
    EpisodeState,
    IdentifierKind,
    Sex,
    TeamSource,
)
from patients.models import Alert, CareTeamMember, Episode, Identifier, Movement, Patient
from patients.rules import search_keys

OID_ROOT = "1.2.250.1.999.990000010"
IPP_OID = f"{OID_ROOT}.9"

# Birth name, given names, sex, birth date, COG, matricule: official test identities (spec ins 15).
TEST_IDENTITIES = (
    ("PAT-TROIS", "DOMINIQUE", "F", date(1979, 3, 28), "63220", "279035121518989"),
    ("ADRUN", "ZOE", "F", date(1975, 12, 31), "63220", "275126322074974"),
    ("ADRTROIS", "DOMINIQUE", "F", date(1997, 2, 26), "2A020", "297022A02077878"),
    ("ADRTROIS", "TOUSSAINT", "M", date(1960, 1, 1), "2B020", "160012B02077713"),
    ("CORSE", "ANTHONY", "M", date(1980, 3, 2), "2B020", "180032B02040123"),
    ("NESSI", "MICHELANGELO ANTHONY", "M", date(2010, 8, 7), "63220", "110086322083060"),
    ("TCHITCHI", "CATARINA BELLA", "F", date(1936, 6, 21), "63220", "236066322083656"),
)


# --- establishment -----------------------------------------------------------------------------
class LegalEntityFactory(DjangoModelFactory):
    class Meta:
        model = LegalEntity
        django_get_or_create = ("finess",)

    name = "Centre hospitalier des Trois Rivières"
    finess = "990000010"
    oid_root = OID_ROOT
    ipp_oid = IPP_OID


class SiteFactory(DjangoModelFactory):
    class Meta:
        model = Site
        django_get_or_create = ("finess",)

    legal_entity = factory.SubFactory(LegalEntityFactory)
    name = "Hôpital des Trois Rivières"
    finess = "990000101"
    street = "1 place de la Confluence"
    postal_code = "99000"
    city = "Trois-Rivières"


class UnitFactory(DjangoModelFactory):
    class Meta:
        model = Unit
        django_get_or_create = ("code",)

    site = factory.SubFactory(SiteFactory)
    code = factory.Sequence(lambda n: f"U{n:03d}")
    name = factory.LazyAttribute(lambda unit: f"Unité {unit.code}")


class SwitchFactory(DjangoModelFactory):
    class Meta:
        model = InstallationSwitch
        django_get_or_create = ("code",)

    code = Switch.PFI_DMP
    is_on = True


class EndpointFactory(DjangoModelFactory):
    class Meta:
        model = ServiceEndpoint
        django_get_or_create = ("service",)

    service = NationalService.DMP
    base_url = "https://localhost:1/"
    is_enabled = True


# --- accounts ----------------------------------------------------------------------------------
class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    login = factory.Sequence(lambda n: f"utilisateur{n}")
    family_name = factory.Sequence(lambda n: f"MARTIN{n}")
    given_name = "Claude"
    rpps = factory.Sequence(lambda n: f"997{n:08d}")
    profession = "10"
    specialty = "SM26"


class RoleFactory(DjangoModelFactory):
    """A role with the permissions of an installation; `permissions` may be replaced."""

    class Meta:
        model = Role
        django_get_or_create = ("code",)

    code = RoleCode.PRESCRIPTEUR
    family = factory.LazyAttribute(lambda role: DEFAULT_ROLES[RoleCode(role.code)].family)
    permissions = factory.LazyAttribute(lambda role: list(DEFAULT_ROLES[RoleCode(role.code)].permissions))


class AssignmentFactory(DjangoModelFactory):
    """A habilitation in a unit; `unit=None` is the whole establishment."""

    class Meta:
        model = Assignment

    user = factory.SubFactory(UserFactory)
    role = factory.SubFactory(RoleFactory)
    family = factory.LazyAttribute(lambda assignment: assignment.role.family)
    unit = factory.SubFactory(UnitFactory)
    since = factory.LazyFunction(lambda: timezone.now() - timedelta(days=1))


class ExternalIdentityFactory(DjangoModelFactory):
    class Meta:
        model = ExternalIdentity

    user = factory.SubFactory(UserFactory)
    provider = "psc"
    issuer = "https://localhost/auth/realms/esante-wallet"
    subject = factory.LazyAttribute(lambda identity: f"8{identity.user.rpps}")
    method = LinkMethod.RPPS


# --- exchange ----------------------------------------------------------------------------------
class PartnerFactory(DjangoModelFactory):
    """A plain partner on loopback that sends and accepts everything."""

    class Meta:
        model = Partner
        django_get_or_create = ("code",)

    code = factory.Sequence(lambda n: f"gam{n}")
    name = factory.LazyAttribute(lambda partner: f"Partenaire {partner.code}")
    uses_tls = False
    processing_ids = "PTD"


class MessageFactory(DjangoModelFactory):
    """An incoming message that is stored and not applied."""

    class Meta:
        model = Message

    direction = Direction.INCOMING
    partner = factory.SubFactory(PartnerFactory)
    state = MessageState.STORED
    control_id = factory.LazyFunction(new_control_id)
    raw = factory.LazyAttribute(
        lambda message: (
            f"MSH|^~\\&|GAM|CHU-X|DPI|CHU-X|20250102101500||ADT^A31^ADT_A05|{message.control_id}|P|2.5\r"
        ).encode()
    )
    sha256 = factory.LazyAttribute(lambda message: hashlib.sha256(message.raw).hexdigest())
    sending_application = "GAM"
    sending_facility = "CHU-X"
    type = "ADT^A31^ADT_A05"


# --- mssante -----------------------------------------------------------------------------------
class MailboxFactory(DjangoModelFactory):
    """The application mailbox of the PFI, from which it sends."""

    class Meta:
        model = Mailbox
        django_get_or_create = ("address",)

    address = "pfi@ch-trois-rivieres.mssante.test"
    kind = MailboxKind.APP
    label = "CH des Trois Rivières"
    is_sender = True


class CorrespondentFactory(DjangoModelFactory):
    """A doctor of the town, with one address of the directory unless `address` is empty."""

    class Meta:
        model = Correspondent
        skip_postgeneration_save = True

    rpps = factory.Sequence(lambda n: f"101{n:08d}")
    title = "Dr"
    family_name = factory.Sequence(lambda n: f"BLANC{n}")
    given_name = "Sylvie"
    profession = "Médecin"
    specialty = "Médecine générale"
    city = "Lyon 3e"
    search_text = factory.LazyAttribute(lambda one: f"{one.family_name} SYLVIE LYON 3E")

    @factory.post_generation
    def address(self, create: bool, extracted: str | None, **kwargs: object) -> None:
        if create and extracted != "":
            name = f"{self.given_name}.{self.family_name}".lower()
            CorrespondentAddress.objects.create(
                correspondent=self,
                address=extracted or f"{name}@medecin.mssante.test",
                source=AddressSource.DIRECTORY,
            )


class OutgoingMailFactory(DjangoModelFactory):
    """A mail to a doctor that nobody tried to send yet."""

    class Meta:
        model = OutgoingMail

    order = factory.SubFactory(MessageFactory)
    job_uid = factory.LazyFunction(uuid.uuid4)
    action = MailAction.INITIAL
    lineage = "1.2.250.1.999.1.1.1"
    sender = "pfi@ch-trois-rivieres.mssante.test"
    recipient = "sylvie.blanc@medecin.mssante.test"
    recipient_key = factory.LazyAttribute(lambda mail: address_key(mail.recipient))
    envelope_id = factory.LazyFunction(lambda: f"mss-{uuid.uuid4().hex}")
    message_id = factory.LazyAttribute(lambda mail: f"<{mail.envelope_id}@ch-trois-rivieres.mssante.test>")


# --- patients ----------------------------------------------------------------------------------
class PatientFactory(DjangoModelFactory):
    """A provisional identity with an IPP of the hospital; `ipp=""` leaves it without."""

    class Meta:
        model = Patient
        skip_postgeneration_save = True

    class Params:
        keys = factory.LazyAttribute(
            lambda patient: search_keys(
                birth_name=patient.birth_name,
                used_name=patient.used_name,
                given_names=patient.birth_given_names,
                first_given_name=patient.first_birth_given_name,
                used_given_name=patient.used_given_name,
            )
        )

    birth_name = factory.Sequence(lambda n: f"DURAND-{_letters(n)}")
    first_birth_given_name = "CAMILLE"
    birth_given_names = factory.LazyAttribute(lambda patient: f"{patient.first_birth_given_name} ANNE")
    birth_date = date(1962, 5, 17)
    sex = Sex.FEMALE
    birth_place_cog = "75115"
    used_name = ""
    used_given_name = ""
    identity_updated_at = datetime(2024, 1, 1, tzinfo=UTC)
    search_birth_name = factory.LazyAttribute(lambda patient: patient.keys.birth_name)
    search_used_name = factory.LazyAttribute(lambda patient: patient.keys.used_name)
    search_given_names = factory.LazyAttribute(lambda patient: patient.keys.given_names)
    search_used_given_name = factory.LazyAttribute(lambda patient: patient.keys.used_given_name)
    search_full_name = factory.LazyAttribute(lambda patient: patient.keys.full_name)
    search_phonetic = factory.LazyAttribute(lambda patient: patient.keys.phonetic)
    search_used_phonetic = factory.LazyAttribute(lambda patient: patient.keys.used_phonetic)

    @factory.post_generation
    def ipp(patient: Patient, create: bool, extracted: str | None, **_: object) -> None:  # noqa: N805
        if create and extracted != "":
            IdentifierFactory(patient=patient, value=extracted or f"{patient.pk:06d}")


class QualifiedPatientFactory(PatientFactory):
    """An official test identity, qualified, with its matricule under the test authority.

    `ins` and `oid` may be given; without the first, the key of an invented matricule is right.
    """

    is_ins_recovered = True
    is_identity_controlled = True
    identity_document = "CN"

    @factory.post_generation
    def ins(patient: Patient, create: bool, extracted: str | None, **options: str) -> None:  # noqa: N805
        if create:
            IdentifierFactory(
                patient=patient,
                kind=IdentifierKind.INS,
                value=extracted or _matricule(patient),
                oid=options.get("oid", INS_NIR_TEST_OID),
                type_code="INS",
            )


def test_identity(index: int = 0) -> Patient:
    """A qualified patient with the official test identity number `index` (spec ins 15)."""
    name, given_names, sex, birth_date, cog, matricule = TEST_IDENTITIES[index]
    return QualifiedPatientFactory(
        birth_name=name,
        birth_given_names=given_names,
        first_birth_given_name=given_names.split()[0],
        sex=sex,
        birth_date=birth_date,
        birth_place_cog=cog,
        ins=matricule,
    )


test_identity.__test__ = False  # type: ignore[attr-defined]  # a maker, not a test


class IdentifierFactory(DjangoModelFactory):
    """The IPP of a patient."""

    class Meta:
        model = Identifier

    patient = factory.SubFactory(PatientFactory, ipp="")
    kind = IdentifierKind.IPP
    value = factory.Sequence(lambda n: f"I{n:06d}")
    oid = IPP_OID
    type_code = "PI"


class AlertFactory(DjangoModelFactory):
    class Meta:
        model = Alert

    patient = factory.SubFactory(PatientFactory)
    kind = AlertKind.ALLERGY
    state = AlertState.KNOWN
    label = factory.LazyAttribute(lambda alert: "Pénicilline" if alert.state == AlertState.KNOWN else "")


class EpisodeFactory(DjangoModelFactory):
    """An open inpatient stay."""

    class Meta:
        model = Episode

    patient = factory.SubFactory(PatientFactory)
    visit_number = factory.Sequence(lambda n: f"V{n:07d}")
    visit_authority = "CHU-X"
    account_number = factory.Sequence(lambda n: f"24{n:06d}")
    kind = EpisodeKind.INPATIENT
    state = EpisodeState.OPEN
    unit = factory.SubFactory(UnitFactory)
    nursing_unit = factory.SelfAttribute("unit")
    admitted_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=2))


class MovementFactory(DjangoModelFactory):
    class Meta:
        model = Movement

    episode = factory.SubFactory(EpisodeFactory)
    identifiers = factory.Sequence(lambda n: [f"{n}^CHU-X"])
    event = "A01"
    start_at = factory.SelfAttribute("episode.admitted_at")
    nature = "HMS"
    medical_unit_code = factory.SelfAttribute("episode.unit.code")
    patient_class = "I"


class TeamMemberFactory(DjangoModelFactory):
    class Meta:
        model = CareTeamMember

    episode = factory.SubFactory(EpisodeFactory)
    user = factory.SubFactory(UserFactory)
    source = TeamSource.MANUAL


# --- consent -----------------------------------------------------------------------------------
class ChoiceFactory(DjangoModelFactory):
    class Meta:
        model = Choice

    episode = factory.SubFactory(EpisodeFactory)
    subject = Subject.ALIMENTATION
    value = ChoiceValue.NOT_OPPOSED
    source = ChoiceSource.SCREEN
    collected_at = factory.LazyFunction(timezone.now)
    author_login = "admission"


# --- documents ---------------------------------------------------------------------------------
class DocumentFactory(DjangoModelFactory):
    class Meta:
        model = Document

    patient = factory.SubFactory(PatientFactory)
    episode = factory.SubFactory(EpisodeFactory, patient=factory.SelfAttribute("..patient"))
    unit = factory.SelfAttribute("episode.unit")
    model = "lettre_de_liaison"
    type_code = LETTRE_DE_LIAISON_SORTIE.code
    title = "Lettre de liaison à la sortie"
    origins = factory.LazyFunction(lambda: [Origin.PRODUCED.value])


class VersionFactory(DjangoModelFactory):
    """A draft."""

    class Meta:
        model = Version

    document = factory.SubFactory(DocumentFactory)
    author = factory.SubFactory(UserFactory)
    state = VersionState.DRAFT


class ValidatedVersionFactory(VersionFactory):
    """A version in force: identifiers and fingerprints, without files in the store."""

    state = VersionState.CURRENT
    unique_id = factory.Sequence(lambda n: f"{OID_ROOT}.1.{n + 1}")
    structure = Structure.N1
    validated_at = factory.LazyFunction(timezone.now)
    validated_by = factory.SelfAttribute("author")
    cda_sha256 = factory.LazyAttribute(lambda version: hashlib.sha256(version.unique_id.encode()).hexdigest())
    pdf_sha256 = factory.LazyAttribute(lambda version: hashlib.sha256(b"pdf").hexdigest())


def _letters(number: int) -> str:
    """A number as letters: names hold no digits."""
    text = ""
    while True:
        number, rest = divmod(number, 26)
        text = chr(ord("A") + rest) + text
        if not number:
            return text


def _matricule(patient: Patient) -> str:
    digit = "1" if patient.sex == Sex.MALE else "2"
    number = f"{digit}{patient.birth_date:%y%m}75115{patient.pk % 1000:03d}"
    return number + nir_key(number)
