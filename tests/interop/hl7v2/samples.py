"""Our own orders, documents and identities for the tests of document messages."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from interop.cda.datatypes import Id
from interop.hl7v2 import (
    Action,
    AdtMessage,
    CarriedDocument,
    Endpoint,
    LpsDocument,
    LpsFlags,
    Mail,
    MdmDocument,
    OrderFlags,
    Participant,
    Participation,
    Zam,
    ZamKind,
    adt_header,
    lps_header,
    mdm_header,
    oru_header,
    zam_fault,
    zam_header,
)
from interop.hl7v2.codes import ChoiceCode, MovementAction
from interop.hl7v2.datatypes import (
    PARIS,
    Address,
    Authority,
    Coded,
    Identifier,
    Location,
    Organisation,
    Person,
    PersonName,
    Telecom,
)
from interop.hl7v2.mdm import patient_recipient, professional_recipient, reply_to, requester
from interop.hl7v2.pam import (
    Choice,
    Contact,
    DmpChoices,
    IdentityProof,
    Movement,
    MovementId,
    PatientIdentity,
    PmsiModes,
    Visit,
)
from interop.hl7v2.pam.write import reliability_to_send
from interop.ins.codes import INS_NIR_TEST_OID, IdentityStatus
from interop.ins.key import Ins

SENT_AT = datetime(2025, 1, 2, 10, 15, tzinfo=PARIS)
DPI = Endpoint(Authority("DPI"), Authority("CHX"))
PFI = Endpoint(Authority("PFI"), Authority("CHX"))
GAM = Endpoint(Authority("GAM"), Authority("CHX"))
HOSPITAL = Authority("CHX", "000897406", "N")
INS = Ins("279035121518989", INS_NIR_TEST_OID)
TYPE = Coded("11490-0", "Lettre de liaison à la sortie d'établissement de soins", "LN")
ROOT = "1.2.250.1.999.1.2025."


def document_id(number: int) -> Id:
    return Id(f"{ROOT}{number}")


SAME_ROOT = f"{ROOT}9"
"""Root of a producer who tells its documents apart by their extension."""


def by_extension(extension: str, *, parent: str = "", series: str = "", **changes: Any) -> dict[str, Any]:
    """The documents of an order whose CDA is `SAME_ROOT^extension`; `parent`, `series` (setId) likewise."""
    content = cda(1, parent=1 if parent else None).replace(
        f'<id root="{ROOT}1"/>'.encode(), f'<id root="{SAME_ROOT}" extension="{extension}"/>'.encode(), 1
    )
    content = content.replace(
        f'<id root="{ROOT}1"/>'.encode(), f'<id root="{SAME_ROOT}" extension="{parent}"/>'.encode()
    )
    if series:
        place = b"<recordTarget>"
        told = f'<setId root="{SAME_ROOT}" extension="{series}"/><versionNumber value="1"/>'.encode()
        content = content.replace(place, told + place)
    document = CarriedDocument(
        type=TYPE,
        id=Id(SAME_ROOT, extension),
        content=content,
        replaced_id=Id(SAME_ROOT, parent) if parent else None,
    )
    return {"documents": (replace(document, **changes),)}


def cda(
    number: int = 1,
    *,
    parent: int | None = None,
    code: str = TYPE.code,
    ins: Ins | None = INS,
    ipp: str = "000003",
) -> bytes:
    """Return a small CDA N1: only what a header must hold to be read and compared."""
    related = (
        f'<relatedDocument typeCode="RPLC"><parentDocument><id root="{ROOT}{parent}"/></parentDocument>'
        "</relatedDocument>"
        if parent is not None
        else ""
    )
    ins_id = f'<id root="{ins.oid}" extension="{ins.matricule}"/>' if ins else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <id root="{ROOT}{number}"/>
  <code code="{code}" codeSystem="2.16.840.1.113883.6.1" displayName="Lettre de liaison à la sortie"/>
  <title>Lettre</title><effectiveTime value="20250102100000+0100"/>
  <recordTarget><patientRole>{ins_id}<id root="1.2.250.1.999.2" extension="{ipp}"/>
    <patient><name><given>DOMINIQUE</given><given qualifier="BR">DOMINIQUE</given>
      <family qualifier="BR">PAT-TROIS</family></name>
      <administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/><birthTime value="19790328"/>
      <birthplace><place><addr><county>63220</county></addr></place></birthplace></patient>
  </patientRole></recordTarget>{related}
  <component><nonXMLBody>
    <text mediaType="application/pdf" representation="B64">JVBERi0xLjQK</text>
  </nonXMLBody></component>
</ClinicalDocument>""".encode()


def patient(status: IdentityStatus = IdentityStatus.QUALIFIED, **changes: Any) -> PatientIdentity:
    account = Identifier("24000006", HOSPITAL, "AN")
    identity = PatientIdentity(
        identifiers=(Identifier("000003", HOSPITAL, "PI"),),
        ins=INS if status is IdentityStatus.QUALIFIED else None,
        birth_name="PAT-TROIS",
        first_birth_given_name="DOMINIQUE",
        birth_given_names="DOMINIQUE",
        used_name="D'ARC & FILS",
        birth_date=date(1979, 3, 28),
        sex="F",
        birth_place_code="63220",
        birth_place_name="LEZOUX",
        address=Address("28 Av de Breteuil", "", "PARIS", "75007", "FRA", "H"),
        account=account,
        reliability=reliability_to_send(status),
    )
    return replace(identity, **changes)


def visit() -> Visit:
    return Visit(
        patient_class="I",
        number=Identifier("25000042", HOSPITAL, "VN"),
        account=Identifier("24000006", HOSPITAL, "AN"),
        location=Location("6268", "12", "1"),
        admitted_at=datetime(2024, 12, 30, 14, tzinfo=PARIS),
        discharged_at=datetime(2025, 1, 2, 9, tzinfo=PARIS),
    )


DOCTOR_IN_CHARGE = Person("99700900014", "HODA", "Alice", name_type="D", identifier_type="RPPS")
REQUESTER = requester(
    rpps="99700900014", family="HODA", given="Alice", structure="HOPITAL", finess_site="990000101"
)
DOCTOR = professional_recipient(
    rpps="10100000001", family="MARTIN", given="Paul", address="paul.martin@exemple.mssante.fr"
)
PATIENT_BOX = patient_recipient(
    ins=INS, family="PAT-TROIS", given="DOMINIQUE", address="279035121518989@patient.mssante.fr"
)
REPLY = reply_to("service@exemple.mssante.fr")

FLAGS = OrderFlags(
    dest_dmp=True, dest_mss_professional=True, dest_mss_patient=True, ack_reception=True, ack_reading=True
)
_NUMBERS = {Action.INITIAL: (1, None), Action.REPLACE: (2, 1), Action.DELETE: (2, 1)}


def carried(action: Action = Action.INITIAL, **changes: Any) -> CarriedDocument:
    number, parent = _NUMBERS[action]
    document = CarriedDocument(
        type=TYPE,
        id=document_id(number),
        content=cda(number, parent=parent),
        replaced_id=document_id(parent) if parent else None,
    )
    return replace(document, **changes)


def order(action: Action = Action.INITIAL, *, charset: str = "UNICODE UTF-8", **changes: Any) -> MdmDocument:
    """Return a complete MDM order of this action."""
    made = MdmDocument(
        header=mdm_header(
            sender=DPI, receiver=PFI, control_id="D000000123", sent_at=SENT_AT, action=action, charset=charset
        ),
        action=action,
        patient=patient(),
        visit=visit(),
        documents=(carried(action),),
        participants=(REQUESTER, DOCTOR, PATIENT_BOX, REPLY),
        flags=FLAGS,
        recorded_at=SENT_AT,
        occurred_at=datetime(2025, 1, 2, 10, 14, tzinfo=PARIS),
        body_professional="Chère consœur,\nvoici | la ^ lettre.",
        body_patient="Voici votre lettre.",
    )
    return replace(made, **changes)


def oru_order(action: Action = Action.INITIAL, **changes: Any) -> MdmDocument:
    """Return the same order as an ORU."""
    header = oru_header(sender=DPI, receiver=PFI, control_id="D000000124", sent_at=SENT_AT)
    made = replace(order(action), header=header, recorded_at=None, occurred_at=None)
    return replace(made, **changes)


def received_by_mail(action: Action = Action.INITIAL, **changes: Any) -> LpsDocument:
    """Return a document as the PFI hands it to the DPI."""
    unit = Organisation("Urologie", Authority("120456789"), "UF", "3435")
    made = LpsDocument(
        header=lps_header(sender=PFI, receiver=DPI, control_id="P000000777", sent_at=SENT_AT, action=action),
        action=action,
        patient=patient(used_name="", account=None),
        document=carried(action),
        participants=(
            replace(REQUESTER, organisation=None, address="alice.hoda@exemple.mssante.fr"),
            Participant(Participation.RECIPIENT, organisation=unit, address="dpi@exemple.mssante.fr"),
            REPLY,
        ),
        mail=Mail("<42@exemple.mssante.fr>", "XDM/1.0/DDM+Lettre & co", "Bonjour,\nà bientôt.", "1"),
        recorded_at=SENT_AT,
        flags=LpsFlags(invisible_patient=True),
    )
    return replace(made, **changes)


def admission(event: str = "A01", **changes: Any) -> AdtMessage:
    """Return a complete admission of PAM France, or the same facts under another event with a movement."""
    unit = Organisation("Cardiologie", HOSPITAL, "UF", "3435")
    action = MovementAction.UPDATE if event == "Z99" else MovementAction.INSERT
    made = AdtMessage(
        header=adt_header(sender=GAM, receiver=DPI, control_id="M000000001", sent_at=SENT_AT, event=event),
        event=event,
        recorded_at=SENT_AT,
        occurred_at=datetime(2025, 1, 2, 9, tzinfo=PARIS),
        identity=patient(updated_at=SENT_AT, telecoms=(Telecom("PRN", "PH", "", "0102030405"),)),
        visit=replace(visit(), discharged_at=None, attending=(DOCTOR_IN_CHARGE,), description="Bilan|2"),
        movement=Movement(
            ids=(MovementId("501", Authority("CHX", "000897406")),),
            started_at=datetime(2025, 1, 2, 9, tzinfo=PARIS),
            action=action,
            historic=False,
            original_event="A02" if event == "Z99" else "",
            medical_unit=unit,
            nursing_unit=replace(unit, identifier="3436"),
            nature="HMS",
        ),
        choices=DmpChoices(
            dmp_status="ACTIF",
            dmp_status_at=SENT_AT,
            alimentation=Choice(ChoiceCode.NOT_OPPOSED, SENT_AT),
            consultation=Choice(ChoiceCode.NOT_COLLECTED),
        ),
        proof=IdentityProof(sms_consent=False, birth_date_corrected=False, mode="INSI", document="CN"),
        pmsi=PmsiModes(entry_mode="8"),
        contacts=(Contact(PersonName("MARTIN", "ANNE", type="D"), Coded("SPO", "Conjoint", "HL70063"), "K"),),
        referring_physician=Person("10000023084", "AGNES", "Isabelle", identifier_type="RPPS"),
    )
    return replace(made, **changes)


def acknowledgement(kind: ZamKind, success: bool = True, **changes: Any) -> Zam:
    """Return a business acknowledgement of the PFI."""
    codes = {ZamKind.DMP_RECEPTION: "DMPClosed", ZamKind.MSS_DELIVERY: "550", ZamKind.MSS_READING: "902"}
    is_mail = kind is not ZamKind.DMP_RECEPTION
    made = Zam(
        header=zam_header(sender=PFI, receiver=DPI, control_id="P000000043", sent_at=SENT_AT, kind=kind),
        kind=kind,
        event_at=SENT_AT,
        acknowledged_id="D000000123",
        success=success,
        address="paul.martin@exemple.mssante.fr" if is_mail else "",
        person_id="10100000001" if is_mail else "",
        fault=None if success else zam_fault(kind, codes[kind], "" if is_mail else "DMP fermé"),
    )
    return replace(made, **changes)


ACKNOWLEDGEMENTS = [(kind, success) for kind in ZamKind for success in (True, False)]
