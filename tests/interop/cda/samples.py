"""Documents for the tests, about the reference test patient of the ANS."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from interop.cda import codes
from interop.cda.datatypes import Address, Id, PersonName, Telecom
from interop.cda.identifiers import finess_id, rpps_id
from interop.cda.model import (
    Act,
    Authenticator,
    Author,
    DataEnterer,
    Device,
    DocumentHeader,
    Encounter,
    EncounterParticipant,
    Guardian,
    Order,
    Organization,
    Participant,
    Patient,
    Professional,
    Recipient,
    RelatedDocument,
    RelatedPerson,
)
from interop.cda.value_sets import author_specialties, healthcare_facility_types, practice_settings
from interop.ins.codes import INS_NIR_TEST_OID, IdentityStatus
from interop.ins.key import Ins
from interop.ins.traits import Sex, StrictTraits

PARIS = ZoneInfo("Europe/Paris")
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 4 + b"\n%%EOF\n"
# Arcs under the OID of an installation, of which `.1` holds documents and `.2` sets of versions.
ROOT = "1.2.250.1.999.1"
IPP_ROOT = f"{ROOT}.10"
VENUE_ROOT = f"{ROOT}.11"

ADDRESS = Address(
    house_number="20", street_name="Rue Leblanc", postal_code="75015", city="PARIS", country="FRANCE"
)
HOSPITAL = Organization(
    name="Centre hospitalier de démonstration",
    id=finess_id("750803447"),
    telecoms=(Telecom("tel:0141297500", "WP"),),
    address=ADDRESS,
    practice_setting=practice_settings()["ETABLISSEMENT"],
)
DOCTOR = Professional(
    id=rpps_id("01234567897"),
    name=PersonName("DAVID", "Charles", "M", "DR"),
    specialty=author_specialties()["G15_10/SM27"],
    address=ADDRESS,
    telecoms=(Telecom("tel:0141297500", "WP"), Telecom("mailto:charles.david@chd.mssante.fr", "WP")),
    organization=HOSPITAL,
)
HEAD = Professional(
    id=rpps_id("01234567898"),
    name=PersonName("AUGUIN", "Léone", "MME", "PR"),
    specialty=author_specialties()["G15_10/SM04"],
    organization=HOSPITAL,
)
GENERAL_PRACTITIONER = Professional(
    id=rpps_id("01984758437"),
    name=PersonName("MEDIONI", "Stéphane", "M", "DR"),
    specialty=author_specialties()["G15_10/SM26"],
    address=Address(lines=("3 rue Petit Pont", "75005 PARIS")),
    telecoms=(Telecom("tel:0147150000", "WP"),),
    organization=Organization("Cabinet du Dr Medioni", Id(codes.STRUCTURE_ID, "499900063480001")),
)
TRAITS = StrictTraits(
    "PAT-TROIS", "DOMINIQUE MARIE-LOUISE", "DOMINIQUE", date(1979, 3, 28), Sex.FEMALE, "51215"
)
INS = Ins("279035121518989", INS_NIR_TEST_OID)
TUTELAGE = Organization("Association tutélaire", Id(codes.STRUCTURE_ID, "2123456789"))
QUALIFIED = Patient(
    identity_status=IdentityStatus.QUALIFIED,
    traits=TRAITS,
    ipp=Id(IPP_ROOT, "1234567890121"),
    ins=INS,
    used_name="PAT-TROIS",
    used_given_name="DOMINIQUE",
    birth_place_name="DOMPREMY",
    addresses=(
        Address(
            house_number="28", street_name="Avenue de Breteuil", postal_code="75007", city="PARIS", use="H"
        ),
    ),
    telecoms=(Telecom("tel:0144534551", "H"), Telecom("mailto:279035121518989@patient.mssante.fr")),
)
PROVISIONAL = Patient(
    identity_status=IdentityStatus.PROVISIONAL,
    traits=StrictTraits(
        "PAT-TROIS", "", "DOMINIQUE", date(1979, 12, 31), Sex.UNDETERMINED, birth_date_estimated=True
    ),
    ipp=Id(IPP_ROOT, "1234567890122"),
)
ADMITTED = datetime(2026, 3, 2, 10, 17, tzinfo=PARIS)
DISCHARGED = datetime(2026, 7, 9, 13, 30, tzinfo=PARIS)
VALIDATED = datetime(2026, 7, 9, 15, 4, 5, tzinfo=PARIS)


def minimal_document() -> DocumentHeader:
    """A version 1 that says only what must be said."""
    return DocumentHeader(
        id=Id(f"{ROOT}.1.41"),
        set_id=Id(f"{ROOT}.2.40"),
        version_number=1,
        type=codes.LETTRE_DE_LIAISON_SORTIE,
        title="Lettre de liaison à la sortie",
        created=VALIDATED,
        patient=PROVISIONAL,
        authors=(Author(DOCTOR, VALIDATED),),
        custodian=Organization("Centre hospitalier de démonstration", finess_id("750803447")),
        legal_authenticator=Authenticator(DOCTOR, VALIDATED),
        acts=(Act(start=ADMITTED, performer=DOCTOR),),
        encounter=Encounter(facility_type=healthcare_facility_types()["SA01"]),
    )


def full_document() -> DocumentHeader:
    """A version 2 that says everything that a header can say."""
    return DocumentHeader(
        id=Id(f"{ROOT}.1.42"),
        set_id=Id(f"{ROOT}.2.40"),
        version_number=2,
        type=codes.LETTRE_DE_LIAISON_SORTIE,
        title="Lettre de liaison à la sortie <suite> & fin",
        created=VALIDATED,
        patient=_full_patient(),
        authors=(
            Author(DOCTOR, VALIDATED, codes.ATTENDING),
            Author(Device(Id(f"{ROOT}.12", "SYS1"), "DPI", "DPI 1.0", HOSPITAL), VALIDATED),
        ),
        custodian=HOSPITAL,
        legal_authenticator=Authenticator(HEAD, VALIDATED),
        acts=(
            Act(ADMITTED, DISCHARGED, codes.INPATIENT, performer=HEAD),
            Act(date(2026, 3, 5), code=codes.Code("ECQH010", codes.CCAM, "Scanographie", "CCAM")),
        ),
        encounter=_full_encounter(),
        data_enterer=DataEnterer(DOCTOR, VALIDATED),
        informants=(
            RelatedPerson(
                codes.RelatedEntityClass.TRUSTED_PERSON,
                PersonName("NESSI", "Sophie"),
                codes.Code("SIS", codes.HL7_ROLE, "Soeur"),
                telecoms=(Telecom("tel:0647150100", "MC"),),
            ),
        ),
        recipients=(
            Recipient(
                PersonName("MEDIONI", "Stéphane", "M", "DR"),
                rpps_id("01984758437"),
                Organization("Cabinet du Dr Medioni", Id(codes.STRUCTURE_ID, "499900063480001")),
                telecoms=(Telecom("mailto:stephane.medioni@pro.mssante.fr", "WP"),),
            ),
        ),
        authenticators=(Authenticator(DOCTOR, VALIDATED),),
        participants=(
            Participant(codes.ParticipationType.INFORMED, GENERAL_PRACTITIONER, codes.GENERAL_PRACTITIONER),
            Participant(
                codes.ParticipationType.REFERRER,
                Professional(None, PersonName("DUCOUT", "Elsa", "MME")),
                start=ADMITTED,
            ),
        ),
        orders=(Order(Id(f"{ROOT}.13", "P1"), Id(f"{ROOT}.14", "A1")),),
        replaces=RelatedDocument(Id(f"{ROOT}.1.41"), 1),
    )


def _full_patient() -> Patient:
    return Patient(
        identity_status=IdentityStatus.QUALIFIED,
        traits=TRAITS,
        ipp=QUALIFIED.ipp,
        ins=INS,
        used_name="D'ARTAGNAN",
        used_given_name="Camille",
        birth_place_name="DOMPREMY",
        addresses=QUALIFIED.addresses,
        telecoms=QUALIFIED.telecoms,
        guardians=(
            Guardian(
                person=PersonName("NESSI", "Jeanne", "MME"),
                address=ADDRESS,
                telecoms=(Telecom("tel:0147150000", "H"),),
            ),
            Guardian(organization=TUTELAGE),
        ),
        deceased_on=DISCHARGED,
    )


def _full_encounter() -> Encounter:
    return Encounter(
        facility_type=healthcare_facility_types()["SA01"],
        id=Id(VENUE_ROOT, "20260001"),
        code=codes.INPATIENT,
        start=ADMITTED,
        end=DISCHARGED,
        place_name="Médecine interne",
        place_address=ADDRESS,
        discharge_disposition=codes.Code("ORG-101", codes.DISCHARGE_DISPOSITION, "Retour à domicile"),
        responsible=HEAD,
        participants=(EncounterParticipant(codes.EncounterParticipation.ADMITTER, DOCTOR),),
    )
