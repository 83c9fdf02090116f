"""The statements use what was made for them."""

import pytest
from django.db import connection

from sending.models import OUTCOME, OrderEvent
from stats.selectors.sendings import OUTCOMES
from tests.stats.world import day


@pytest.mark.django_db
def test_outcomes_are_found_by_their_index(world):
    """The predicate written here is that of the index: otherwise every event would be read."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            f"EXPLAIN SELECT event.order_id FROM sending_orderevent AS event "  # noqa: S608 - a constant
            f"WHERE {OUTCOMES} AND event.recorded_at <= %s",
            [day("04-15")],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "sending_event_outcome" in plan, plan


@pytest.mark.django_db
def test_outcomes_are_the_same_for_the_database_and_for_the_model(world):
    stay = world.stay(exit="03-05")
    world.letter(stay, "KO 03-06", "ok 03-07")
    world.letter(stay, "ok 03-06")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT event.id FROM sending_orderevent AS event WHERE {OUTCOMES}")  # noqa: S608
        found = {row[0] for row in cursor.fetchall()}
    assert found == set(OrderEvent.objects.filter(OUTCOME).values_list("id", flat=True))
    assert len(found) == 3
