"""The main job: a validated letter reaches the DMP by itself, as bytes on every line."""

import pytest

from documents.enums import VersionState
from exchange.enums import MessageState
from exchange.models import Message
from national.models import Call
from pfi.enums import JobState
from pfi.models import Job
from sending.enums import OrderState
from sending.models import Order
from tests.scenarios.carrying import carry_everything


@pytest.mark.requirement("HOP/va1.03", "DPI.CDA/HL7.01", "DPI.CDA/HL7.04", "SC.DMP/CONF.12")
def test_a_validated_letter_reaches_the_dmp_and_its_order_says_so(hospital):
    version = hospital.write_letter()
    carry_everything()

    order = Order.objects.get(version=version)
    assert order.state == OrderState.RECEIVED_DMP, (order.error_code, order.error_text)
    assert [event.to_state for event in order.events.all()] == [
        OrderState.SCHEDULED,
        OrderState.SENDING,
        OrderState.HANDED_OVER,
        OrderState.RECEIVED_DMP,
    ]
    assert Job.objects.get().state == JobState.DONE
    types = list(Message.objects.order_by("id").values_list("direction", "type", "state"))
    assert types == [
        ("out", "MDM^T02^MDM_T02", MessageState.ACKED),
        ("in", "MDM^T02^MDM_T02", MessageState.APPLIED),
        ("out", "ZAM^Z01^ZAM_Z01", MessageState.ACKED),
        ("in", "ZAM^Z01^ZAM_Z01", MessageState.APPLIED),
    ]
    (document,) = [row for row in hospital.dmp_documents() if row["unique_id"] == version.unique_id]
    assert document["version_number"] == 1
    assert list(Call.objects.order_by("id").values_list("transaction", "outcome")) == [
        ("TD0.2", "success"),
        ("TD2.1", "success"),
    ]


@pytest.mark.requirement("F-PFI-02", "F-PFI-17")
def test_a_second_version_replaces_the_first_at_the_dmp(hospital):
    first = hospital.write_letter()
    carry_everything()
    second = hospital.revise(first)
    carry_everything()

    first.refresh_from_db()
    assert (first.state, second.number) == (VersionState.REPLACED, 2)
    assert Order.objects.get(version=second).state == OrderState.RECEIVED_DMP
    assert hospital.dmp_document(first)["status"].endswith("Deprecated")
    assert hospital.dmp_document(second)["status"].endswith("Approved")
