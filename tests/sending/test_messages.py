"""The order as bytes: who, for whom, what, with which flags (spec hl7v2 2.1 to 2.6)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from documents.store import content_get
from establishment.models import Site, Unit
from interop.hl7v2 import parse_mdm, parse_message
from interop.hl7v2.codes import Action
from patients.models import Patient
from sending.enums import OrderAction
from sending.messages import MessageImpossible, message_of
from sending.models import Order
from tests.hospital import MATRICULE

pytestmark = pytest.mark.requirement("DPI.CDA/HL7.01")

FLAGS = ("masque_ps", "invisible_patient", "invisible_rep_legaux", "connexion_secrete", "modif_conf_code")


def order_of(version):
    return Order.objects.get(version=version)


def written(version, **changes):
    order = order_of(version)
    for name, value in changes.items():
        setattr(order, name, value)
    return parse_message(message_of(version=version, orders=[order]))


def raised(mdm):
    return {flag for flag in FLAGS if getattr(mdm.flags, flag)}


def test_an_initial_message_carries_the_very_cda_and_asks_for_its_reception(ward):
    version = ward.write_letter()
    message = written(version)
    mdm = parse_mdm(message)
    assert message.msh.value(9) == "MDM"
    assert (mdm.action, mdm.document.id.root) == (Action.INITIAL, version.unique_id)
    assert mdm.document.content == content_get(version.cda_sha256)
    assert (mdm.document.type.code, mdm.document.type.system) == ("11490-0", "LN")
    assert mdm.flags.dest_dmp and mdm.flags.ack_reception
    assert not (mdm.flags.dest_mss_professional or mdm.flags.dest_mss_patient)
    assert raised(mdm) == set()


@pytest.mark.requirement("SC.DMP/CONF.12")
def test_the_requester_is_the_professional_with_rpps_and_the_site_with_its_geographic_finess(ward):
    requester = parse_mdm(written(ward.write_letter())).requester
    assert (requester.person.family, requester.person.given) == ("HODA", "Alice")
    assert requester.national_person_id == "899700900014"
    assert requester.national_structure_id == "1990000101"


@pytest.mark.requirement("SC.DMP/CONF.12", "F-DPI-14")
def test_the_site_is_that_of_the_unit_when_the_entity_has_several(ward):
    other = Site.objects.create(
        legal_entity=ward.unit.site.legal_entity, name="HOPITAL SAINT-ROCH", finess="990000200"
    )
    Unit.objects.filter(pk=ward.unit.pk).update(site=other)
    ward.episode.refresh_from_db()
    assert parse_mdm(written(ward.write_letter())).requester.national_structure_id == "1990000200"


def test_the_patient_is_the_one_of_the_cda(ward):
    mdm = parse_mdm(written(ward.write_letter()))
    assert (mdm.patient.ins.matricule, mdm.patient.ipp.value) == (MATRICULE, "000003")
    assert mdm.patient.reliability.status == "QUAL"
    assert (mdm.patient.birth_name, mdm.patient.birth_place_code) == ("PAT-TROIS", "63220")
    assert (mdm.visit.number.value, mdm.visit.patient_class) == ("000897406", "I")


@pytest.mark.requirement("F-PFI-15")
def test_an_identity_that_is_not_qualified_leaves_without_matricule(ward):
    Patient.objects.update(is_ins_recovered=False)
    ward.patient.refresh_from_db()
    version = ward.write_letter()
    raw = message_of(version=version, orders=[order_of(version)])
    assert MATRICULE.encode() not in raw


@pytest.mark.requirement("F-PFI-05")
@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("is_masque_ps", "masque_ps"),
        ("is_invisible_patient", "invisible_patient"),
        ("is_invisible_rep_legaux", "invisible_rep_legaux"),
    ],
)
def test_each_choice_of_visibility_is_told_to_the_pfi(ward, flag, told):
    assert raised(parse_mdm(written(ward.write_letter(**{flag: True})))) == {told}


@pytest.mark.requirement("F-PFI-05")
def test_the_secret_connection_of_a_minor_is_told_to_the_pfi(ward):
    born = timezone.localdate() - timedelta(days=365 * 10)
    Patient.objects.filter(pk=ward.patient.pk).update(birth_date=born)
    version = ward.write_letter(is_connexion_secrete=True, is_invisible_rep_legaux=True)
    assert raised(parse_mdm(written(version))) == {"connexion_secrete", "invisible_rep_legaux"}


def test_a_replacement_names_what_it_replaces(ward):
    first = ward.write_letter()
    second = ward.revise(first)
    message = written(second)
    mdm = parse_mdm(message)
    assert (mdm.action, mdm.document.replaced_id.root) == (Action.REPLACE, first.unique_id)
    assert (message.require("ORC").value(1), message.msh.value(9, 2)) == ("RO", "T10")
    assert raised(mdm) == set()


@pytest.mark.requirement("F-PFI-05")
@pytest.mark.parametrize(
    ("before", "after", "flags"),
    [
        ({"is_invisible_patient": True}, {}, {"modif_conf_code"}),
        ({}, {"is_invisible_patient": True}, {"modif_conf_code", "invisible_patient"}),
        ({"is_invisible_patient": True}, {"is_invisible_patient": True}, {"invisible_patient"}),
    ],
)
def test_a_replacement_that_changes_who_sees_the_document_says_so(ward, before, after, flags):
    second = ward.revise(ward.write_letter(**before), **after)
    assert raised(parse_mdm(written(second))) == flags


@pytest.mark.requirement("SC.DMP/CONF.03")
def test_a_deletion_carries_the_version_that_was_sent_unchanged(ward):
    version = ward.write_letter()
    message = written(version, action=OrderAction.DELETE)
    mdm = parse_mdm(message)
    assert (mdm.action, mdm.document.content) == (Action.DELETE, content_get(version.cda_sha256))
    assert (message.require("ORC").value(1), message.msh.value(9, 2)) == ("CA", "T04")


def test_a_draft_has_no_message(ward):
    version = ward.write_letter()
    version.snapshot = None
    with pytest.raises(MessageImpossible, match="n’est pas validée"):
        message_of(version=version, orders=[order_of(version)])


def test_each_message_has_an_identifier_of_its_own_within_twenty_characters(ward):
    version = ward.write_letter()
    first, second = (written(version).msh.value(10) for _ in range(2))
    assert first != second
    assert len(first) == len(second) == 20
