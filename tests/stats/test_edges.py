"""The edge cases of the specification, and the options of the hospital (stats 1, 5)."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.enums import ChoiceValue
from consent.models import Choice
from consent.rules import current_choice
from documents.enums import DeletionMotive, Origin, ReceiptOutcome
from patients.enums import EpisodeKind, EpisodeState, IdentityAttribute
from patients.models import Episode, Patient
from sending.enums import Channel, OrderAction, OrderOrigin, OrderState
from sending.models import OrderEvent
from stats.rules.months import Month
from tests.factories import ChoiceFactory, MailboxFactory, MovementFactory
from tests.stats.world import ALL, APRIL, CRCONS, CRO, MARCH, PRESC, A, B, day, extract

pytestmark = pytest.mark.requirement("SC.STAT/ES.01")


def rate(found, doc_type="LDL", **values):
    return found.ratio("ALI_DMP_TX_SEJ", doc_type=doc_type, **values)[:2]


class TestWho:
    def test_test_identities_count_nowhere(self, world):
        stay = world.stay(exit="03-05")
        world.letter(stay, "ok 03-06")
        Patient.objects.filter(pk=stay.patient_id).update(identity_attributes=[IdentityAttribute.FICT])
        found = extract()
        assert found.tally.counts == {}
        assert not any(ratio.denominator for ratio in found.tally.ratios.values())

    def test_a_cancelled_stay_leaves_the_rates_and_not_the_counters(self, world):
        stay = world.stay(exit="03-05")
        world.letter(stay, "ok 03-06")
        Episode.objects.filter(pk=stay.pk).update(state=EpisodeState.CANCELLED)
        found = extract()
        assert rate(found) == (0, 0)
        assert found.count("ALI_DMP_FLUX_OK", doc_type="LDL") == 1

    def test_emergencies_are_no_stays_and_sessions_are_unless_the_hospital_says_otherwise(
        self, world, settings
    ):
        world.stay(exit="03-05", kind=EpisodeKind.EMERGENCY)
        world.stay(exit="03-05", kind=EpisodeKind.RECURRING)
        assert rate(extract()) == (0, 1)
        settings.STATS_STAY_KINDS = ["I"]
        assert rate(extract()) == (0, 0)

    def test_a_consultation_that_nobody_came_to_does_not_count(self, world):
        world.consultation("03-05", state=EpisodeState.OPEN)
        world.consultation("03-06", state=EpisodeState.CANCELLED)
        missed = world.consultation("03-07", state=EpisodeState.PLANNED)
        Episode.objects.filter(pk=missed.pk).update(admitted_at=None, planned_at=day("03-07"))
        assert extract().ratio("INFO_CONS_NONOPP", volet="GLOBAL")[:2] == (0, 1)

    def test_a_death_in_the_stay_stays_in_the_base(self, world):
        stay = world.stay(exit="03-05")
        Patient.objects.filter(pk=stay.patient_id).update(died_at=day("03-05"))
        assert rate(extract()) == (0, 1)

    @pytest.mark.requirement("F-PV-42")
    def test_the_rate_of_qualified_identities_counts_each_patient_once(self, world):
        stay = world.stay(exit="03-05")
        world.stay(exit="03-20", patient=stay.patient)
        world.consultation("03-21", patient=stay.patient, at=B)
        Patient.objects.filter(pk=stay.patient_id).update(is_ins_recovered=True, is_identity_controlled=True)
        world.stay(exit="03-06")
        found = extract()
        assert found.ratio("X_INS_TX_QUALIF") == (1, 2, "50.00")
        assert found.ratio("X_INS_TX_QUALIF", finess=B) == (1, 1, "100.00")
        assert found.ratio("X_INS_TX_QUALIF", finess=ALL) == (1, 2, "50.00")


class TestWhen:
    def test_the_month_of_an_acknowledgement_is_that_of_our_reception(self, world):
        stay = world.stay(exit="03-30")
        order = world.order(world.document(stay), "ok 04-01")
        OrderEvent.objects.filter(order=order).update(at=day("03-31"))
        assert extract().counts("ALI_DMP_FLUX_OK", doc_type="LDL") == [0, 1]

    def test_what_is_learned_after_the_extraction_is_not_in_it(self, world):
        stay = world.stay(exit="03-30")
        world.letter(stay, "ok 04-10")
        assert extract("04-09").count("ALI_DMP_FLUX_OK", APRIL, doc_type="LDL") == 0
        assert rate(extract("04-09")) == (0, 1)
        assert rate(extract("04-11")) == (1, 1)

    def test_summer_time_begins_inside_a_month(self, world):
        world.letter(world.stay(exit="03-30 01:59"), "ok 03-30 03:01")
        found = extract()
        assert found.count("ALI_DMP_FLUX_OK", doc_type="LDL") == 1
        assert rate(found) == (1, 1)


class TestWhat:
    def test_two_documents_of_a_type_in_one_stay_are_one_stay_and_two_documents(self, world):
        stay = world.stay(exit="03-05")
        world.letter(stay, "ok 03-06")
        world.letter(stay, "ok 03-07")
        found = extract()
        assert rate(found) == (1, 1)
        assert found.count("ALI_DMP_FLUX_OK", doc_type="LDL") == 2

    def test_a_document_of_no_stay_counts_in_the_counters_and_in_no_rate(self, world):
        world.sent(world.document(None, at=A), "ok 03-06")
        found = extract()
        assert found.count("ALI_DMP_FLUX_OK", doc_type="LDL") == 1
        assert rate(found) == (0, 0)

    def test_a_report_of_consultation_never_enters_the_base_of_the_stays(self, world):
        stay = world.stay(exit="03-05")
        world.letter(stay, "ok 03-05", type_code=CRCONS)
        assert rate(extract(), "CRCONS") == (0, 0)

    def test_another_type_counts_as_another_document(self, world):
        world.sent(world.document(world.stay(exit="03-05"), "11502-2"), "ok 03-06")
        found = extract()
        assert found.count("ALI_DMP_FLUX_OK", doc_type="AUTRE") == 1
        assert found.count("ALI_DMP_FLUX_OK", doc_type="TOUS") == 1

    def test_the_hospital_may_put_a_code_in_another_type(self, world, settings):
        settings.STATS_TYPE_CODES = ["34749-2=CRCONS"]
        consultation = world.consultation("03-05")
        world.letter(consultation, "ok 03-06", type_code="34749-2")
        assert rate(extract(), "CRCONS") == (1, 1)

    def test_a_failed_replacement_of_what_arrived_is_no_failure(self, world):
        document = world.letter(world.stay(exit="03-05"), "ok 02-27")
        world.replaced(document, "KO 03-10")
        found = extract()
        assert found.count("ALI_DMP_FLUX_KO", doc_type="LDL") == 0
        assert found.count("ALI_DMP_FLUX_OK", doc_type="LDL") == 0

    def test_versions_count_when_the_hospital_wants_it(self, world, settings):
        document = world.letter(world.stay(exit="03-05"), "ok 03-06")
        world.replaced(document, "ok 03-10")
        assert extract().count("ALI_DMP_FLUX_OK", doc_type="LDL") == 1
        settings.STATS_COUNT_VERSIONS = True
        assert extract().count("ALI_DMP_FLUX_OK", doc_type="LDL") == 2

    def test_a_deletion_and_a_change_of_visibility_are_no_documents_sent(self, world):
        document = world.document(world.stay(exit="03-05"))
        world.delete(document, "03-06", DeletionMotive.PATIENT_REQUEST)
        world.order(document, "ok 03-07", action=OrderAction.VISIBILITY)
        found = extract()
        assert found.tally.counts == {}
        assert rate(found) == (0, 1)

    @pytest.mark.parametrize(
        "state", [OrderState.HELD, OrderState.BLOCKED, OrderState.CANCELLED, OrderState.WAITING_IDENTITY]
    )
    def test_what_did_not_leave_is_neither_a_success_nor_a_failure(self, world, state):
        order = world.order(world.document(world.stay(exit="03-05")))
        OrderEvent.objects.create(
            order=order, at=day("03-06"), recorded_at=day("03-06"), kind="x", to_state=state
        )
        assert extract().tally.counts == {}

    def test_a_failure_told_after_the_success_changes_nothing(self, world):
        document = world.letter(world.stay(exit="03-05"), "ok 03-06")
        order = document.versions.get().orders.get()
        OrderEvent.objects.create(
            order=order,
            at=day("03-07"),
            recorded_at=day("03-07"),
            kind="late_refused_dmp",
            from_state=OrderState.RECEIVED_DMP,
            to_state=OrderState.RECEIVED_DMP,
        )
        found = extract()
        assert found.count("ALI_DMP_FLUX_KO", doc_type="LDL") == 0
        assert found.count("ALI_DMP_FLUX_OK", doc_type="LDL") == 1

    @pytest.mark.parametrize(
        ("channel", "kind", "indicator"),
        [
            (Channel.DMP, "late_received_dmp", "ALI_DMP_FLUX_OK"),
            (Channel.MSSANTE_PRO, "late_delivered", "MSSPRO_OK"),
            (Channel.MSSANTE_PATIENT, "late_read", "MSSPAT_OK"),
        ],
    )
    def test_what_arrived_after_it_was_given_up_arrived(self, world, channel, kind, indicator):
        order = world.order(world.document(world.stay(exit="03-05")), channel=channel, recipient="a@b.fr")
        OrderEvent.objects.create(
            order=order,
            at=day("03-07"),
            recorded_at=day("03-07"),
            kind=kind,
            from_state=OrderState.CANCELLED,
            to_state=OrderState.CANCELLED,
        )
        assert extract().count(indicator, doc_type="LDL") == 1

    def test_a_document_of_the_past_that_was_sent_in_the_flow_is_no_history(self, world):
        document = world.letter(world.stay(exit="03-05"), "KO 03-06")
        world.order(document, "ok 03-20", origin=OrderOrigin.HISTORIQUE)
        found = extract()
        assert found.count("ALI_DMP_FLUX_KO", doc_type="LDL") == 0
        assert found.count("ALI_DMP_HISTO_OK", doc_type="LDL") == 1

    def test_a_document_received_from_elsewhere_is_no_production_of_the_stay(self, world):
        document = world.document(world.stay(exit="03-05"), PRESC)
        document.origins = [Origin.MSSANTE]
        document.save()
        assert rate(extract(), "PRESC") == (0, 0)

    def test_surgery_is_told_by_a_unit_of_the_stay_or_by_a_written_report(self, world):
        passed = world.stay(exit="03-05")
        MovementFactory(episode=passed, medical_unit_code="C-A", start_at=day("03-01"))
        undone = world.stay(exit="03-06")
        MovementFactory(episode=undone, medical_unit_code="C-A", start_at=day("03-01"), is_cancelled=True)
        world.document(world.stay(exit="03-07"), CRO)
        assert rate(extract(), "CRO") == (0, 2)


class TestMail:
    def mail(self, world, stay, event, recipient, **values):
        return world.letter(stay, event, channel=Channel.MSSANTE_PRO, recipient=recipient, **values)

    def test_our_own_mailboxes_are_not_external(self, world):
        MailboxFactory(address="Secretariat@medecin.mssante.fr")
        stay = world.stay(exit="03-05")
        self.mail(world, stay, "ok 03-06", "secretariat@medecin.mssante.fr")
        found = extract()
        assert found.tally.counts == {}
        assert found.ratio("MSSPRO_TX_SEJ", doc_type="LDL")[:2] == (0, 1)

    def test_a_reading_notice_proves_the_delivery(self, world):
        document = self.mail(world, world.stay(exit="03-05"), "ok 03-06", "dr@medecin.mssante.fr")
        OrderEvent.objects.filter(to_state=OrderState.DELIVERED).update(to_state=OrderState.READ)
        assert document.versions.get().orders.count() == 1
        assert extract().count("MSSPRO_OK", doc_type="LDL") == 1

    def test_a_document_sent_without_then_with_a_qualified_ins_counts_in_both_months(self, world):
        document = self.mail(
            world, world.stay(exit="03-05"), "ok 03-06", "dr1@medecin.mssante.fr", has_ins=False
        )
        world.order(document, "ok 04-06", channel=Channel.MSSANTE_PRO, recipient="dr2@medecin.mssante.fr")
        found = extract()
        assert found.counts("MSSPRO_OK", doc_type="LDL") == [1, 0]
        assert found.counts("MSSPRO_INSQ_OK", doc_type="LDL") == [0, 1]
        assert found.counts("X_MSSPRO_ENV_OK", doc_type="LDL") == [1, 1]

    def test_channels_do_not_mix(self, world):
        stay = world.stay(exit="03-05")
        document = self.mail(world, stay, "ok 03-06", "dr1@medecin.mssante.fr")
        world.order(document, "KO 03-06", channel=Channel.MSSANTE_PATIENT, recipient="1@patient.mssante.fr")
        world.order(document, "KO 03-06")
        found = extract()
        assert (found.count("MSSPRO_OK", doc_type="LDL"), found.count("MSSPRO_KO", doc_type="LDL")) == (1, 0)
        assert (found.count("MSSPAT_OK", doc_type="LDL"), found.count("MSSPAT_KO", doc_type="LDL")) == (0, 1)
        assert found.count("ALI_DMP_FLUX_KO", doc_type="LDL") == 1


class TestReception:
    def test_the_site_is_that_of_the_unit_else_that_of_the_mailbox(self, world):
        MailboxFactory(address="Pfi@ch.mssante.fr", unit=world.units[B])
        world.receive("M1", "03-03", ReceiptOutcome.INTEGRATED)
        world.receive(
            "M2", "03-03", ReceiptOutcome.UNREADABLE, at=None, recipient_address="pfi@CH.mssante.fr"
        )
        world.receive("M3", "03-03", ReceiptOutcome.INTEGRATED, at=None, recipient_address="x@y.fr")
        found = extract()
        assert found.count("MSSREC_AUTO_OK", doc_type="TOUS") == 1
        assert found.count("MSSREC_AUTO_KO", finess=B, doc_type="TOUS") == 1
        assert found.count("MSSREC_AUTO_OK", finess="INCONNU", doc_type="TOUS") == 1
        assert found.count("MSSREC_AUTO_OK", finess=ALL, doc_type="TOUS") == 2

    def test_what_came_from_the_dmp_or_from_the_laboratory_is_not_of_this_chapter(self, world):
        world.receive("M1", "03-03", ReceiptOutcome.INTEGRATED)
        world.receive("M2", "03-03", ReceiptOutcome.INTEGRATED, origin=Origin.INTERNAL)
        assert extract().count("MSSREC_AUTO_OK", doc_type="TOUS") == 1


class TestIntegration:
    @pytest.mark.parametrize(
        ("when", "days", "expected"),
        [("03-01", 0, 1), ("02-28", 0, 0), ("03-05 12:01", 0, 0), ("03-06", 1, 1), ("03-06 12:01", 1, 0)],
    )
    def test_a_stay_counts_what_was_filed_between_its_entry_and_its_exit(
        self, world, settings, when, days, expected
    ):
        settings.STATS_DMP_TOLERANCE_DAYS = days
        stay = world.stay(entry="03-01", exit="03-05")
        world.integrate(world.account("10"), stay, when, "1.2.888.1", "11502-2")
        found = extract()
        assert found.ratio("CON_DMP_TX_SEJ", type_code="11502-2")[:2] == (expected, expected)
        assert found.ratio("CON_DMP_TX_SEJ", doc_type="TOUS")[:2] == (expected, 1)

    def test_a_consultation_counts_what_was_filed_that_day(self, world):
        stay = world.consultation("03-05 15:00")
        world.consultation("03-06", patient=stay.patient)
        world.integrate(world.account("10"), stay, "03-05 08:00", "1.2.888.1", "11502-2")
        found = extract()
        assert found.ratio("CON_DMP_TX_CONS", type_code="11502-2") == (1, 2, "50.00")
        assert found.ratio("CON_DMP_TX_CONS", finess=ALL, doc_type="TOUS") == (1, 2, "50.00")
        assert found.ratio("CON_DMP_TX_SEJ", doc_type="TOUS")[:2] == (0, 0)

    def test_services_have_their_own_lines_when_asked_for(self, world):
        stay = world.stay(entry="03-01", exit="03-05")
        world.integrate(world.account("10"), stay, "03-02", "1.2.888.1", "11502-2")
        found = extract(by_service=True)
        axes = {"service": "U-A"}
        assert found.ratio("CON_DMP_TX_SEJ", type_code="11502-2", **axes) == (1, 1, "100.00")
        assert found.ratio("CON_DMP_TX_SEJ", doc_type="TOUS", **axes) == (1, 1, "100.00")
        assert found.count("CON_DMP_NB_DOC", doc_type="AUTRE", **axes) == 1
        assert found.ratio("CON_DMP_TX_SEJ", doc_type="TOUS") == (1, 1, "100.00")


class TestChoices:
    def test_a_choice_of_the_day_of_a_consultation_counts_and_that_of_the_day_after_does_not(self, world):
        stay = world.consultation("03-31 09:00")
        world.choose(stay, "03-31 23:59", alimentation=ChoiceValue.NOT_OPPOSED)
        other = world.consultation("03-31 09:00")
        world.choose(other, "04-01 00:00", alimentation=ChoiceValue.NOT_OPPOSED)
        assert extract().ratio("INFO_CONS_NONOPP", volet="GLOBAL")[:2] == (1, 2)

    def test_a_choice_without_effect_is_not_read(self, world):
        stay = world.stay(exit="03-05")
        world.choose(stay, "03-01", alimentation=ChoiceValue.OPPOSED)
        world.choose(stay, "03-02", alimentation=ChoiceValue.NOT_COLLECTED, is_effective=False)
        found = extract()
        assert found.ratio("INFO_SEJ_OPP", volet="ALIMENTATION")[:2] == (1, 1)
        world.choose(stay, "03-03", alimentation=ChoiceValue.NOT_COLLECTED)
        assert extract().ratio("INFO_SEJ_OPP", volet="ALIMENTATION")[:2] == (0, 1)

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(st.tuples(st.sampled_from(ChoiceValue.values), st.integers(0, 3), st.booleans()), max_size=6)
    )
    def test_the_choice_read_is_the_one_that_the_rule_gives(self, world, rows):
        """The database orders as `consent.rules.current_choice` does: date, restriction, row."""
        Choice.objects.all().delete()
        Episode.objects.all().delete()
        stay = world.stay(exit="03-05")
        for value, hours, is_effective in rows:
            ChoiceFactory(
                episode=stay,
                value=value,
                collected_at=day("03-01") + timedelta(hours=hours),
                is_effective=is_effective,
            )
        current = current_choice(Choice.objects.all())
        value = current.value if current else ChoiceValue.NOT_COLLECTED
        found = extract()
        assert found.ratio("INFO_SEJ_OPP", volet="ALIMENTATION")[0] == (value == ChoiceValue.OPPOSED)
        assert found.ratio("INFO_SEJ_NONOPP", volet="ALIMENTATION")[0] == (value == ChoiceValue.NOT_OPPOSED)


class TestSites:
    def test_rates_of_all_sites_are_those_of_the_union(self, world):
        world.letter(world.stay(exit="03-05"), "ok 03-06", channel=Channel.MSSANTE_PATIENT)
        patient = world.stay(exit="03-06").patient
        world.stay(exit="03-07", patient=patient, at=B)
        found = extract()
        assert found.ratio("MSSPAT_TX_SEJ", finess=ALL, doc_type="LDL") == (1, 3, "33.33")
        assert found.ratio("MSSPAT_TX_PAT", finess=A, doc_type="LDL") == (1, 2, "50.00")
        assert found.ratio("MSSPAT_TX_PAT", finess=B, doc_type="LDL") == (0, 1, "0.00")
        assert found.ratio("MSSPAT_TX_PAT", finess=ALL, doc_type="LDL") == (1, 2, "50.00")
        assert found.ratio("MSSPAT_TX_PAT", Month(2025, 1), ALL, doc_type="LDL") == (0, 0, None)
        assert MARCH == Month(2025, 3)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("STATS_TYPE_CODES", ["34749-2"], "stats.E001"),
        ("STATS_STAY_KINDS", ["Z"], "stats.E002"),
        ("STATS_CONSULTATION_KINDS", ["O", "I"], "stats.E003"),
        ("STATS_CSV_LAYOUT", "stats.absent", "stats.E004"),
        ("STATS_CSV_LAYOUT", "stats.enums", "stats.E004"),
    ],
)
def test_a_bad_option_is_said_before_anybody_extracts(settings, name, value, code):
    assert not [fault for fault in run_checks() if fault.id.startswith("stats.")]
    setattr(settings, name, value)
    assert [fault.id for fault in run_checks() if fault.id.startswith("stats.")] == [code]
