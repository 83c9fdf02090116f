"""Rules of MSSanté mail: addresses, sizes, codes, progress (spec mssante 1.4, 1.6, 1.8, 1.10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.hl7v2.codes import SMTP_ERROR_LABELS
from mssante import rules
from mssante.enums import MailState

PATIENTS = "patient.mssante.fr"
KIB = 1024


class TestPatientAddress:
    @pytest.mark.parametrize("matricule", ["279035121518989", "297022A02077878"])
    def test_is_the_matricule_at_the_domain_of_mon_espace_sante(self, matricule):
        address = rules.patient_address(matricule, PATIENTS)
        assert address == f"{matricule}@patient.mssante.fr"
        assert rules.is_patient_address(address, PATIENTS)

    @pytest.mark.parametrize("matricule", ["", "253097812634581", "27903512151898", "adam.hoda"])
    def test_is_never_built_from_anything_else(self, matricule):
        with pytest.raises(ValueError, match="matricule"):
            rules.patient_address(matricule, PATIENTS)

    @pytest.mark.parametrize(
        "address", ["dr@medecin.mssante.fr", "x@patient.mssante.fr.example", "patient.mssante.fr@ch.fr"]
    )
    def test_another_domain_is_no_patient(self, address):
        assert not rules.is_patient_address(address, PATIENTS)


@pytest.mark.requirement("MSS/va1.13")
@pytest.mark.parametrize(
    ("to_patient", "announced", "expected"),
    [
        (False, None, 10_000 * KIB),
        (False, 5_000 * KIB, 5_000 * KIB),
        (False, 80_000 * KIB, 10_000 * KIB),
        (False, 0, 10_000 * KIB),  # SIZE without a figure: no limit is told
        (True, None, 10_000 * KIB),
        (True, 1_000 * KIB, 1_000 * KIB),
    ],
)
def test_the_smallest_limit_that_concerns_a_mail_counts(to_patient, announced, expected):
    limit = rules.size_limit(
        is_to_patient=to_patient, operator=10_000 * KIB, patient=25_000_000, announced=announced
    )
    assert limit == expected


@pytest.mark.requirement("MSS/va1.13")
def test_mon_espace_sante_has_its_own_limit_whatever_the_operator_takes():
    limits = {
        to_patient: rules.size_limit(
            is_to_patient=to_patient, operator=50_000_000, patient=25_000_000, announced=None
        )
        for to_patient in (True, False)
    }
    assert limits == {True: 25_000_000, False: 50_000_000}


class TestSmtpErrorCode:
    @pytest.mark.parametrize(
        ("code", "text", "expected"),
        [
            ("TAILLE", "", "523"),
            ("552", "5.3.4 Message size exceeds fixed limit", "523"),
            ("552", "5.2.2 mailbox full", "552"),
            ("550", "5.1.1 unknown mailbox", "550"),
            ("5.1.1", "", "550"),
            ("5.1.2", "domain not in liste blanche", "512"),
            ("554", "", "554"),
            ("571", "", "554"),
            ("454", "", "451"),
            ("4.4.1", "no answer from host", "451"),
            ("unreachable", "", "421"),
            ("", "", "421"),
            ("XDM_IMPOSSIBLE", "", "421"),
        ],
    )
    def test_gives_a_row_of_the_volet(self, code, text, expected):
        assert rules.smtp_error_code(code, text) == expected

    @given(st.text(max_size=20), st.text(max_size=60))
    def test_never_leaves_the_table(self, code, text):
        assert rules.smtp_error_code(code, text) in SMTP_ERROR_LABELS


class TestProgress:
    def test_only_a_later_success_moves_a_mail(self):
        told = {
            (state, to)
            for state in MailState
            for to in (MailState.SENT, MailState.DELIVERED, MailState.READ)
            if rules.is_progress(state, to)
        }
        assert told == {
            ("to_send", "sent"),
            ("to_send", "delivered"),
            ("to_send", "read"),
            ("sent", "delivered"),
            ("sent", "read"),
            ("delivered", "read"),
            ("failed", "delivered"),
            ("failed", "read"),
        }
