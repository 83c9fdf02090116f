"""Calls made of the schema, right and wrong, against the application itself (security 9, 14).

schemathesis 4 reads the schema that was reviewed and calls the WSGI application in this process: no
answer is an error of the server, and each one is what the schema says. Every call is undone, so that
a case found is a case that comes back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase
from werkzeug.test import Client as WsgiClient

from tests.calling import issue
from tests.dpi.test_api import SNAPSHOT
from tests.hospital import Ward

EXAMPLES = 200 if os.environ.get("DPI_LONG") else 20
KNOWN = "00000000-0000-4000-8000-00000000000"
"""The rows of the test have public identifiers known in advance: the calls generated name them too."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAMED = ("patient_uid", "episode_uid", "document_uid", "version_uid", "order_uid")

# A call that suits the schema may still be refused for what it is about, or for the state of that.
FAULTS = ["400", "404", "405", "412", "413", "415", "422", "428"]
REFUSALS = ["2xx", "304", "401", "403", "404", "409", "412", "422", "428"]

configuration = schemathesis.Config.from_dict(
    {
        "generation": {
            "max-examples": EXAMPLES,
            "deterministic": True,
            "database": "none",
            "with-security-parameters": False,
        },
        "checks": {
            "positive_data_acceptance": {"expected-statuses": REFUSALS},
            "negative_data_rejection": {"expected-statuses": FAULTS},
        },
    }
)
schema = schemathesis.openapi.from_path(SNAPSHOT, config=configuration)
schema.app = get_wsgi_application()


@schema.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """Two well-formed calls out of three are about something that exists."""
    values = [str(value) for value in (path_parameters or {}).values()]
    if not all(UUID.fullmatch(value) for value in values) or sum(map(ord, "".join(values))) % 3 == 0:
        return path_parameters
    return {name: f"{KNOWN}{NAMED.index(name)}" for name in path_parameters}


@pytest.fixture
def connection_kept() -> Iterator[None]:
    """The end of a request closes no connection: the test's transaction is on it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def token(connection_kept: None, ward: Ward, settings: Any) -> str:
    """A hospital with one of each thing, and a token that opens everything."""
    letter = ward.write_letter()
    rows = (ward.patient, ward.episode, letter.document, letter, letter.orders.get())
    for digit, row in enumerate(rows):
        type(row).objects.filter(pk=row.pk).update(uid=f"{KNOWN}{digit}")
    settings.API_CALLS_PER_MINUTE = settings.API_SEARCHES_PER_MINUTE = settings.API_EXPORTS_PER_HOUR = 10**6
    return issue().text


@pytest.mark.slow
@pytest.mark.django_db
@schema.parametrize()
@hypothesis.settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    max_examples=EXAMPLES,
    derandomize=True,
)
def test_no_call_breaks_the_server_or_the_schema(case: Any, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with transaction.atomic():
        if len((case.headers or {}).get("If-Match", "")) % 2:
            case.headers["If-Match"] = state_of(case, token)
        answer = case.call(headers=headers)
        case.validate_response(answer, headers=headers)
        transaction.set_rollback(True)


def state_of(case: Any, token: str) -> str:
    """The ETag of what the call writes on, when it can be read."""
    address = case.formatted_path
    readable = address if address.endswith("/choices") else address.rpartition("/")[0]
    answer = WsgiClient(schema.app).get(readable, headers={"Authorization": f"Bearer {token}"})
    return str(answer.headers.get("ETag", f'"{"0" * 32}"'))
