"""The rules of a document order that look at several places at once.

Source: hl7v2.md 2.6 (hard rules and matrix), 2.9 steps 6 to 8. The opposition of the patient is the affair
of the room that knows it.
"""

from collections.abc import Mapping
from dataclasses import replace

from interop.cda.datatypes import Id
from interop.hl7v2 import codes
from interop.hl7v2.errors import Hl7Error
from interop.hl7v2.mdm.model import CarriedDocument, MatrixMode, MdmDocument, MdmRules

_MATRIX = (
    # masque_ps, invisible_patient, invisible_rep_legaux, connexion_secrete, dest_dmp, professional, patient
    ("N", "N", "N", "YN", "YN", "Y", "Y"),
    ("N", "Y", "N", "YN", "YN", "Y", "N"),
    ("YN", "N", "YN", "N", "N", "N", "Y"),
)
"""The combinations that the volet prints for MSSanté; its own examples break them (hl7v2.md 2.6)."""


def check_against_cda(order: MdmDocument, rules: MdmRules, warnings: list[str]) -> MdmDocument:
    """Compare the message with the documents that it carries (2.9, step 6); return it under their ids.

    Raises:
        Hl7Error: 103 (type outside the value set), 199 (type or id), 207 (INS).
    """
    settled: list[CarriedDocument] = []
    for number, document in enumerate(order.documents, start=1):
        cda = document.cda
        if cda is None:
            continue
        if document.type.code != cda.type.code:
            raise Hl7Error(
                codes.ERROR_OTHER, f"OBX^{number}^3", "OBX-3 et le document CDA ne donnent pas le même type"
            )
        if rules.type_codes is not None and document.type.code not in rules.type_codes:
            raise _type_refusal(rules, number, "JDV_J07")
        settled.append(settle_ids(order.action, document, number, lenient=rules.lenient, warnings=warnings))
        _check_ins(order, document, rules, warnings)
    return replace(order, documents=tuple(settled)) if settled else order


def check_order(
    order: MdmDocument,
    rules: MdmRules,
    warnings: list[str],
    places: Mapping[codes.Meta, str] | None = None,
) -> None:
    """Check flags against one another and against the participants (2.6, hard rules a, b and d; matrix).

    No profile forgives them: nothing could be carried. `places` gives ERR-2 of each metadata row; without
    it, that of a message that we wrote.

    Raises:
        Hl7Error: 101 (no recipient), 207 (combination).
    """
    flags = order.flags
    where = places if places is not None else _own_places(len(order.documents))
    if not (flags.dest_dmp or flags.dest_mss_professional or flags.dest_mss_patient):
        raise Hl7Error(
            codes.ERROR_APPLICATION, where.get(codes.Meta.DESTDMP, ""), "Aucun destinataire n'est demandé"
        )
    if flags.invisible_patient and flags.dest_mss_patient:
        raise Hl7Error(
            codes.ERROR_APPLICATION,
            where.get(codes.Meta.DESTMSSANTEPAT, ""),
            "Un document invisible au patient ne lui est pas envoyé",
        )
    following = f"PRT^{len(order.participants) + 1}"
    if flags.dest_mss_professional and not order.professional_recipients:
        raise Hl7Error(
            codes.ERROR_FIELD_MISSING, following, "DESTMSSANTEPS demande un PRT RCT de professionnel"
        )
    if flags.dest_mss_patient and not order.patient_recipients:
        raise Hl7Error(codes.ERROR_FIELD_MISSING, following, "DESTMSSANTEPAT demande un PRT RCT du patient")
    _check_matrix(order, rules, warnings, where)


def check_dmp(order: MdmDocument, rules: MdmRules) -> None:
    """Check what feeding the DMP needs, from a partner of any profile (2.6, hard rule c; 2.9, step 8).

    Raises:
        Hl7Error: 103 (type outside JDV_J66), 101 (requester incomplete), 207 (no requester, INS not
            qualified).
    """
    if not order.flags.dest_dmp:
        return
    for number, document in enumerate(order.documents, start=1):
        if rules.dmp_type_codes is not None and document.type.code not in rules.dmp_type_codes:
            raise _type_refusal(rules, number, "JDV_J66, que le DMP admet")
    if order.patient.ins is None:
        raise Hl7Error(codes.ERROR_APPLICATION, "PID^1^3", "INS absente : elle est exigée pour le DMP")
    if order.patient.reliability.status is not codes.IdentityStatus.QUALIFIED:
        raise Hl7Error(codes.ERROR_APPLICATION, "PID^1^32", "Identité non qualifiée : refusée pour le DMP")
    _check_requester(order)


def _type_refusal(rules: MdmRules, number: int, value_set: str) -> Hl7Error:
    """103 where the type was read: OBR-4, or OBX-3 of a document from a partner of an earlier volet."""
    location, field = (f"OBX^{number}^3", "OBX-3") if rules.lenient else ("OBR^1^4", "OBR-4")
    return Hl7Error(codes.ERROR_TABLE_VALUE, location, f"{field} : type de document hors {value_set}")


def _check_requester(order: MdmDocument) -> None:
    requester = order.requester
    if requester is None:
        following = f"PRT^{len(order.participants) + 1}"
        raise Hl7Error(codes.ERROR_APPLICATION, following, "PRT SB absent : demandeur exigé pour le DMP")
    place = f"PRT^{order.participants.index(requester) + 1}"
    if not (requester.device or (requester.person and requester.person.identifier)):
        raise Hl7Error(codes.ERROR_FIELD_MISSING, f"{place}^5", "PRT-5 absent : identifiant du demandeur")
    if not (requester.organisation and requester.organisation.identifier):
        raise Hl7Error(
            codes.ERROR_FIELD_MISSING, f"{place}^8^1^10", "PRT-8.10 absent : structure du demandeur"
        )


def settle_ids(
    action: codes.Action, document: CarriedDocument, number: int, *, lenient: bool, warnings: list[str]
) -> CarriedDocument:
    """Compare TXA with the CDA of OBX `number`, and return the document under the ids of the CDA.

    The CDA holds the key of a document, TXA is only compared (hl7v2.md 3.5); an id written in one piece is
    the same id (5.1).

    Raises:
        Hl7Error: 199 at TXA-12, TXA-13 or the document; `lenient` makes a difference of ids a warning.
    """
    cda = document.cda
    if cda is None:
        return document
    if not _is_same(document.id, cda.id, "TXA-12", warnings):
        _differ("TXA^1^12", "TXA-12 n'est pas l'identifiant du document CDA", lenient, warnings)
    document = replace(document, id=cda.id)
    parent = cda.replaced.id if cda.replaced else None
    if action is codes.Action.INITIAL and parent is not None:
        warnings.append("Première transmission d'un document qui en remplace un autre")
    if action is not codes.Action.REPLACE:
        return document
    if parent is None:
        text = "Remplacement sans relatedDocument RPLC dans le document CDA"
        raise Hl7Error(codes.ERROR_OTHER, f"OBX^{number}^5", text)
    if document.replaced_id is None or not _is_same(document.replaced_id, parent, "TXA-13", warnings):
        text = "TXA-13 n'est pas l'identifiant remplacé par le document CDA"
        _differ("TXA^1^13", text, lenient, warnings)
    return replace(document, replaced_id=parent)


def _check_ins(order: MdmDocument, document: CarriedDocument, rules: MdmRules, warnings: list[str]) -> None:
    """Compare the INS of PID-3 with those of the CDA; a local identifier in one place only is a warning."""
    cda = document.cda
    if cda is None:
        return
    patient = order.patient
    sent = {(dated.ins.oid, dated.ins.matricule) for dated in patient.former_inses}
    if patient.ins is not None:
        sent.add((patient.ins.oid, patient.ins.matricule))
    written = {(found.root, found.extension) for found in cda.patient.ids if found.root in codes.INS_OIDS}
    if sent != written:
        raise Hl7Error(codes.ERROR_APPLICATION, "PID^1^3", "L'INS de PID-3 n'est pas celle du document CDA")
    if any(oid not in rules.ins_oids for oid, _ in sent):
        raise Hl7Error(codes.ERROR_APPLICATION, "PID^1^3", "Autorité de l'INS non acceptée ici")
    local = {found.value for found in patient.identifiers}
    if local != {found.extension for found in cda.patient.local_ids}:
        warnings.append("Identifiants locaux du patient différents entre PID-3 et le document CDA")


def _check_matrix(
    order: MdmDocument, rules: MdmRules, warnings: list[str], where: Mapping[codes.Meta, str]
) -> None:
    flags = order.flags
    if rules.matrix is MatrixMode.OFF or not (flags.dest_mss_professional or flags.dest_mss_patient):
        return
    values = (
        flags.masque_ps,
        flags.invisible_patient,
        flags.invisible_rep_legaux,
        flags.connexion_secrete,
        flags.dest_dmp,
        flags.dest_mss_professional,
        flags.dest_mss_patient,
    )
    letters = [codes.YES if value else codes.NO for value in values]
    if any(all(letter in allowed for letter, allowed in zip(letters, row, strict=True)) for row in _MATRIX):
        return
    text = "Combinaison de métadonnées hors de la matrice MSSanté du volet"
    if rules.matrix is MatrixMode.STRICT:
        raise Hl7Error(codes.ERROR_APPLICATION, where.get(codes.Meta.DESTMSSANTEPS, ""), text)
    warnings.append(text)


def _own_places(documents: int) -> dict[codes.Meta, str]:
    return {meta: f"OBX^{number}^5" for number, meta in enumerate(codes.META_FLAGS, start=documents + 1)}


def _differ(location: str, text: str, lenient: bool, warnings: list[str]) -> None:
    if not lenient:
        raise Hl7Error(codes.ERROR_OTHER, location, text)
    warnings.append(text)


def _is_same(sent: Id, written: Id, name: str, warnings: list[str]) -> bool:
    if sent == written:
        return True
    if _joined(sent) != _joined(written):
        return False
    warnings.append(f"{name} écrit d'une autre manière que dans le document CDA")
    return True


def _joined(identifier: Id) -> str:
    return f"{identifier.root}.{identifier.extension}" if identifier.extension else identifier.root
