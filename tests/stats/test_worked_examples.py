"""The worked examples of the specification, to the digit (stats 6)."""

import pytest

from consent.enums import ChoiceValue
from documents.enums import DeletionMotive, ReceiptOutcome, ReceiptRequest
from documents.models import Document
from patients.enums import EpisodeState
from patients.models import Episode
from sending.enums import Channel, OrderOrigin
from stats.rules.figures import UNKNOWN_FINESS
from stats.rules.months import Month
from tests.documents.arrivals import archive, arriving, plain_pdf
from tests.factories import AssignmentFactory, PatientFactory, UserFactory
from tests.stats.world import (
    ALL,
    APRIL,
    CRCONS,
    CRO,
    KINE,
    LDL,
    MARCH,
    PRESC,
    A,
    B,
    day,
    extract,
)

pytestmark = pytest.mark.requirement("SC.STAT/ES.01")
NOT_OPPOSED, OPPOSED = ChoiceValue.NOT_OPPOSED, ChoiceValue.OPPOSED
EMPTY = (0, 0, None)


def test_e1_month_boundaries_and_late_success(world):
    first = world.stay(exit="03-05")
    second = world.stay(exit="03-10")
    third = world.stay(exit="03-31 23:30")
    fourth = world.stay(exit="04-01 00:10")
    world.stay(entry="03-20")
    world.letter(first, "ok 03-06")
    world.letter(second, "ok 04-02")
    world.letter(third, "KO 03-31")
    world.letter(fourth, "ok 04-02")

    found = extract()

    assert found.counts("ALI_DMP_FLUX_OK", doc_type="LDL") == [1, 2]
    assert found.counts("ALI_DMP_FLUX_KO", doc_type="LDL") == [1, 0]
    assert found.ratio("ALI_DMP_TX_SEJ", MARCH, doc_type="LDL") == (2, 3, "66.67")
    assert found.ratio("ALI_DMP_TX_SEJ", APRIL, doc_type="LDL") == (1, 1, "100.00")


def test_e2_resends(world):
    stay = world.stay(exit="03-25")
    world.letter(stay, "ok 03-03")  # two technical retries the day before are no final failure
    world.letter(stay, "KO 03-30", "ok 04-03")
    resent = world.letter(stay, "ok 03-05")
    world.order(resent, "ok 03-07")
    replaced = world.letter(stay, "ok 03-08")
    world.replaced(replaced, "ok 03-20")
    world.letter(stay, "KO 03-10", "KO 03-15")

    found = extract()

    assert found.counts("ALI_DMP_FLUX_OK", doc_type="LDL") == [3, 1]
    assert found.counts("ALI_DMP_FLUX_KO", doc_type="LDL") == [2, 0]


def test_e3_historical_with_its_five_years(world):
    stay = world.stay(exit="02-20")
    for type_code, dated, event in (
        (CRO, "2024-11-02", "ok 03-12"),
        (LDL, "2020-03-13", "ok 03-12"),
        (LDL, "2020-03-11", "ok 03-12"),
        (LDL, "2023-06-01", "KO 03-12"),
    ):
        document = world.document(stay, type_code, dated=dated)
        world.order(document, event, origin=OrderOrigin.HISTORIQUE)

    found = extract()

    assert found.count("ALI_DMP_HISTO_OK", doc_type="LDL") == 1
    assert found.count("ALI_DMP_HISTO_OK", doc_type="CRO") == 1
    assert found.count("ALI_DMP_HISTO_OK", doc_type="TOUS") == 2
    by_year = {
        (key.doc_type, key.document_year): value
        for key, value in found.tally.counts.items()
        if key.document_year and key.finess == A
    }
    assert by_year == {("LDL", "2020"): 1, ("CRO", "2024"): 1}
    for indicator in ("ALI_DMP_FLUX_OK", "ALI_DMP_FLUX_KO"):
        assert found.count(indicator, doc_type="TOUS") == 0


def test_e4_bases_of_the_sending_rates(world):
    first = world.stay(exit="03-04", surgical=True)
    second = world.stay(exit="03-05", surgical=True)
    third = world.stay(exit="03-06")
    fourth = world.stay(entry="03-07 08:00", exit="03-07 18:00", surgical=True)
    world.letter(first, "ok 03-05", type_code=CRO)
    world.document(second, CRO)
    world.letter(fourth, "ok 03-08", type_code=CRO)
    world.letter(first, "ok 03-05")
    world.letter(third, "ok 03-07")
    world.letter(first, "ok 03-05", type_code=PRESC)
    world.document(first, KINE)
    world.document(third, PRESC)
    one, two, _ = (world.consultation(f"03-1{number}") for number in range(3))
    world.letter(one, "ok 03-11", type_code=CRCONS)
    world.document(two, CRCONS)

    found = extract()

    assert found.ratio("ALI_DMP_TX_SEJ", doc_type="LDL") == (2, 4, "50.00")
    assert found.ratio("ALI_DMP_TX_SEJ", doc_type="CRO") == (2, 3, "66.67")
    assert found.ratio("ALI_DMP_TX_SEJ", doc_type="PRESC") == (1, 2, "50.00")
    assert found.ratio("ALI_DMP_TX_SEJ", doc_type="CRCONS") == (1, 2, "50.00")


def test_e5_a_reopened_stay_leaves_the_base_until_it_is_closed_again(world):
    stay = world.stay(exit="03-20")
    world.letter(stay, "ok 03-21")
    Episode.objects.filter(pk=stay.pk).update(discharged_at=None, state=EpisodeState.OPEN)

    found = extract("03-31")
    assert found.ratio("ALI_DMP_TX_SEJ", MARCH, doc_type="LDL") == EMPTY
    assert found.count("ALI_DMP_FLUX_OK", MARCH, doc_type="LDL") == 1

    Episode.objects.filter(pk=stay.pk).update(discharged_at=day("04-04"), state=EpisodeState.CLOSED)

    found = extract("04-15")
    assert found.ratio("ALI_DMP_TX_SEJ", MARCH, doc_type="LDL") == EMPTY
    assert found.ratio("ALI_DMP_TX_SEJ", APRIL, doc_type="LDL") == (1, 1, "100.00")
    assert found.count("ALI_DMP_FLUX_OK", MARCH, doc_type="LDL") == 1


def test_e6_a_transfer_between_sites_counts_at_the_exit_and_orders_where_they_were_made(world):
    stay = world.stay(entry="03-01", exit="03-12", at=B)
    world.sent(world.document(stay, CRO, at=A), "ok 03-03")
    world.sent(world.document(stay, LDL, at=B), "ok 03-13")

    found = extract()

    assert found.count("ALI_DMP_FLUX_OK", finess=A, doc_type="CRO") == 1
    assert found.count("ALI_DMP_FLUX_OK", finess=B, doc_type="LDL") == 1
    assert found.count("ALI_DMP_FLUX_OK", finess=A, doc_type="LDL") == 0
    for doc_type in ("LDL", "CRO"):
        assert found.ratio("ALI_DMP_TX_SEJ", finess=B, doc_type=doc_type) == (1, 1, "100.00")
        assert found.ratio("ALI_DMP_TX_SEJ", finess=A, doc_type=doc_type) == EMPTY


def test_e7_merged_patients_are_one_patient_and_their_stays_two(world):
    one = world.stay(exit="03-02")
    other = world.stay(exit="03-15")
    world.letter(one, "ok 03-03", channel=Channel.MSSANTE_PATIENT)

    found = extract("03-31")
    assert found.ratio("MSSPAT_TX_PAT", doc_type="LDL") == (1, 2, "50.00")
    assert found.ratio("MSSPAT_TX_SEJ", doc_type="LDL") == (1, 2, "50.00")

    Episode.objects.filter(pk=other.pk).update(patient=one.patient)

    found = extract("04-15")
    assert found.ratio("MSSPAT_TX_PAT", doc_type="LDL") == (1, 1, "100.00")
    assert found.ratio("MSSPAT_TX_SEJ", doc_type="LDL") == (1, 2, "50.00")
    assert found.count("MSSPAT_OK", doc_type="LDL") == 1


def test_e8_corrected_movements_move_the_rates_and_not_the_counters(world):
    first = world.stay(exit="03-31")
    second = world.stay(exit="03-15")
    world.letter(first, "ok 03-31")
    world.letter(second, "ok 03-16")

    found = extract("04-04")
    assert found.ratio("ALI_DMP_TX_SEJ", doc_type="LDL") == (2, 2, "100.00")
    assert found.count("ALI_DMP_FLUX_OK", doc_type="LDL") == 2

    Episode.objects.filter(pk=first.pk).update(discharged_at=day("04-01"))
    Episode.objects.filter(pk=second.pk).update(unit=world.units[B])

    found = extract()
    assert found.ratio("ALI_DMP_TX_SEJ", MARCH, A, doc_type="LDL") == EMPTY
    assert found.ratio("ALI_DMP_TX_SEJ", APRIL, A, doc_type="LDL") == (1, 1, "100.00")
    assert found.ratio("ALI_DMP_TX_SEJ", MARCH, B, doc_type="LDL") == (1, 1, "100.00")
    assert found.count("ALI_DMP_FLUX_OK", MARCH, A, doc_type="LDL") == 2


def test_e9_deletions_leave_the_counters_and_errors_leave_the_rates(world):
    first, second, third = (world.stay(exit=f"03-0{number}") for number in (2, 4, 5))
    wrong = world.letter(first, "ok 03-03")
    world.delete(wrong, "03-04", DeletionMotive.WRONG_PATIENT)
    asked = world.letter(second, "ok 03-05")
    world.delete(asked, "03-20", DeletionMotive.PATIENT_REQUEST)
    world.letter(third, "ok 03-06")

    found = extract()
    assert found.count("ALI_DMP_FLUX_OK", doc_type="LDL") == 3
    assert found.ratio("ALI_DMP_TX_SEJ", doc_type="LDL") == (2, 3, "66.67")

    world.letter(first, "ok 03-07")

    found = extract()
    assert found.count("ALI_DMP_FLUX_OK", doc_type="LDL") == 4
    assert found.ratio("ALI_DMP_TX_SEJ", doc_type="LDL") == (3, 3, "100.00")


@pytest.mark.requirement("F-PFI-21")
def test_e10_mails_to_professionals(world, settings):
    settings.MSS_INTERNAL_DOMAINS = ["ch-a.mssante.fr"]
    stay = world.stay(exit="03-02")

    def mailed(*events: tuple[str, str], has_ins: bool = True) -> Document:
        document = world.document(stay)
        for recipient, event in events:
            world.order(document, event, channel=Channel.MSSANTE_PRO, recipient=recipient, has_ins=has_ins)
        return document

    def out(number: int) -> str:
        return f"dr{number}@medecin.mssante.fr"

    mailed((out(1), "ok 03-03"), (out(2), "ok 03-03"), (out(3), "KO 03-04"))
    mailed((out(4), "ok 03-05"), has_ins=False)
    mailed((out(5), "KO 03-06"))
    mailed(("Cardiologie@CH-A.mssante.fr", "ok 03-07"))
    resent = mailed((out(6), "ok 03-10"))
    world.order(resent, "ok 03-12", channel=Channel.MSSANTE_PRO, recipient=out(6).upper())

    found = extract()

    for doc_type in ("LDL", "TOUS"):
        assert found.count("MSSPRO_OK", doc_type=doc_type) == 3
        assert found.count("MSSPRO_KO", doc_type=doc_type) == 1
        assert found.count("MSSPRO_INSQ_OK", doc_type=doc_type) == 2
        assert found.count("MSSPRO_INSQ_KO", doc_type=doc_type) == 1
        assert found.count("X_MSSPRO_ENV_OK", doc_type=doc_type) == 4
        assert found.count("X_MSSPRO_ENV_KO", doc_type=doc_type) == 2


def test_e11_consultation_of_the_dmp(world):
    one, two, _, four = (world.account("10", until="03-10" if rank == 4 else None) for rank in range(1, 5))
    nurse, _ = world.account("60"), world.account("60")
    stay = world.stay(entry="03-01", exit="03-20")
    world.stay(exit="03-21")
    for hour in range(9, 14):
        world.consult(one, "search", f"03-03 {hour:02d}:00", patient=stay.patient)
    world.consult(two, "search", "03-04", patient=stay.patient)
    world.consult(four, "search", "03-05", patient=stay.patient)
    world.consult(nurse, "existence", "03-05", patient=stay.patient)
    world.integrate(one, stay, "03-06", "1.2.888.1", "11502-2")
    world.integrate(one, stay, "03-06 12:30", "1.2.888.2", "18748-4")
    world.consult(two, "view", "03-07", patient=stay.patient, document="1.2.888.1", type_code="11502-2")

    found = extract()

    assert found.count("CON_DMP_NB_UTIL", profession="10") == 3
    assert found.count("CON_DMP_NB_UTIL", profession="60") == 0
    assert found.ratio("CON_DMP_TX_UTIL", profession="10") == (3, 4, "75.00")
    assert found.ratio("CON_DMP_TX_UTIL", profession="60") == (0, 2, "0.00")
    assert found.ratio("CON_DMP_TX_UTIL", profession="TOUS") == (3, 6, "50.00")
    assert found.ratio("CON_DMP_TX_UTIL", APRIL, profession="10") == (0, 3, "0.00")
    assert found.count("CON_DMP_NB_DOC", doc_type="TOUS") == 2
    assert found.ratio("CON_DMP_TX_SEJ", type_code="11502-2") == (1, 2, "50.00")
    assert found.ratio("CON_DMP_TX_SEJ", type_code="18748-4") == (1, 2, "50.00")
    assert found.ratio("CON_DMP_TX_SEJ", doc_type="TOUS") == (1, 2, "50.00")


def test_e12_information_of_the_patient(world):
    first, second, _, fourth, fifth, sixth = (world.stay(exit="03-10") for _ in range(6))
    world.choose(first, "03-01", alimentation=NOT_OPPOSED, consultation=NOT_OPPOSED)
    world.choose(second, "03-01", alimentation=OPPOSED, consultation=NOT_OPPOSED)
    world.choose(fourth, "03-01", alimentation=NOT_OPPOSED, consultation=NOT_OPPOSED, source="pam")
    world.choose(fifth, "03-02", alimentation=NOT_OPPOSED, consultation=NOT_OPPOSED)
    world.choose(fifth, "03-06", consultation=OPPOSED)
    world.choose(sixth, "03-01", alimentation=OPPOSED, consultation=OPPOSED)
    world.choose(sixth, "03-12", alimentation=NOT_OPPOSED, consultation=NOT_OPPOSED)
    one = world.consultation("03-11")
    world.choose(one, "03-11 18:00", alimentation=NOT_OPPOSED, consultation=NOT_OPPOSED)
    world.consultation("03-12")
    world.consultation("03-13", state=EpisodeState.CANCELLED)

    found = extract()

    assert found.ratio("INFO_SEJ_NONOPP", volet="GLOBAL") == (2, 6, "33.33")
    assert found.ratio("INFO_SEJ_OPP", volet="GLOBAL") == (3, 6, "50.00")
    for volet in ("ALIMENTATION", "CONSULTATION"):
        assert found.ratio("INFO_SEJ_NONOPP", volet=volet) == (3, 6, "50.00")
        assert found.ratio("INFO_SEJ_OPP", volet=volet) == (2, 6, "33.33")
    assert found.ratio("INFO_CONS_NONOPP", volet="GLOBAL") == (1, 2, "50.00")
    assert found.ratio("INFO_CONS_OPP", volet="GLOBAL") == (0, 2, "0.00")


@pytest.mark.requirement("F-PFI-21")
def test_e13_reception(world):
    integrated, refused = ReceiptOutcome.INTEGRATED, ReceiptOutcome.REFUSED_IDENTITY
    world.receive("M1", "03-03", integrated)
    world.receive("M1", "03-03 12:01", ReceiptOutcome.DUPLICATE)  # the same MSH-10, no effect
    world.receive("M1", "03-05", ReceiptOutcome.REPLACED, request=ReceiptRequest.REPLACE)
    second = "1.2.250.1.888.7.2.2"  # the setId of the archive below
    world.receive(second, "03-06", refused, code="904")
    person = world.account("10")
    world.by_hand(person, archive(arriving(lineage=2)), "03-12")
    world.receive("M5", "03-07", refused, code="902")
    world.by_hand(person, plain_pdf(), "03-08")
    world.receive("M1", "03-09", ReceiptOutcome.DELETED, request=ReceiptRequest.DELETE)

    found = extract()

    assert found.count("MSSREC_AUTO_OK", doc_type="TOUS") == 1
    assert found.count("MSSREC_AUTO_KO", doc_type="TOUS") == 2
    assert found.count("MSSREC_MAN_CDA_OK", doc_type="TOUS") == 1
    assert found.count("MSSREC_MAN_NONCDA", doc_type="TOUS") == 1
    assert not {key for key in found.tally.counts if key.finess == UNKNOWN_FINESS}


@pytest.mark.parametrize("at", [A, B])
def test_an_import_by_hand_counts_where_its_unit_is(world, at):
    """C1, C8: of the stay that takes the document, else of who imports; never under INCONNU."""
    patient = PatientFactory()
    world.stay(at=at, entry="03-01", patient=patient)
    everywhere = UserFactory(profession="10", created_at=day("02-01"))
    AssignmentFactory(user=everywhere, unit=None, since=day("02-01"))

    world.by_hand(everywhere, archive(arriving()), "03-12", patient=patient)
    world.by_hand(world.account("10", at=at), plain_pdf(), "03-12")

    found = extract()
    assert {key.finess for key in found.tally.counts if key.indicator.startswith("MSSREC_MAN")} == {at, ALL}
    assert found.count("MSSREC_MAN_CDA_OK", finess=at, doc_type="TOUS") == 1
    assert found.count("MSSREC_MAN_NONCDA", finess=at, doc_type="TOUS") == 1


def test_e14_correspondents(world):
    first, second = world.stay(exit="03-03"), world.stay(exit="03-04")

    def mail(stay: Episode, event: str, rpps: str) -> None:
        world.letter(
            stay,
            event,
            channel=Channel.MSSANTE_PRO,
            recipient=f"{rpps}@medecin.mssante.fr",
            rpps=rpps,
        )

    x, z = "99700000011", "99700000037"
    mail(first, "ok 03-04", x)  # Dr Y, without MSSanté address, is no recipient
    letter = world.document(second, CRO)
    world.order(letter, "KO 03-05", channel=Channel.MSSANTE_PRO, recipient="x@mssante.fr", rpps=x)
    mail(second, "KO 03-06", z)

    found = extract()

    assert found.ratio("MSSPRO_TX_CORR", doc_type="LDL") == (1, 2, "50.00")
    assert found.ratio("MSSPRO_TX_SEJ", doc_type="LDL") == (1, 2, "50.00")
    assert found.ratio("MSSPRO_TX_CORR", Month(2025, 2), doc_type="LDL") == EMPTY
