"""Traces of one act written together: in order, in one statement, or none."""

import pytest
from django.db import transaction

from audit.context import system_actor
from audit.enums import Action
from audit.models import Trace
from audit.services import trace_write, traces_gathered

pytestmark = pytest.mark.django_db

ACTOR = system_actor("tests")


def write(*types: str) -> None:
    for type in types:
        trace_write(type=type, action=Action.UPDATE, actor=ACTOR)


def test_the_traces_of_a_block_are_one_insert_in_their_order(django_assert_num_queries):
    with django_assert_num_queries(1), traces_gathered():
        write("identity.change", "episode.change", "consent.record")
    write("patient.open")
    types = list(Trace.objects.order_by("id").values_list("type", flat=True))
    assert types == ["identity.change", "episode.change", "consent.record", "patient.open"]


def test_a_block_that_fails_leaves_none_and_the_next_act_its_own():
    with pytest.raises(RuntimeError), transaction.atomic(), traces_gathered():
        write("identity.change")
        raise RuntimeError
    write("patient.open")
    assert list(Trace.objects.values_list("type", flat=True)) == ["patient.open"]


def test_a_block_without_traces_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0), traces_gathered():
        pass
