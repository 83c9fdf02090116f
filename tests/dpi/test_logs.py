"""Logs hold events and ids, never who the patient is nor what opens a door (house style 11)."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest
import structlog
from django.db import IntegrityError, connection

from dpi.logs import DROPPED, PATIENT_DATA_KEYS, configure_logging, drop_patient_data, logging_config

MATRICULE = "279035121518989"


@pytest.fixture
def lines(settings):
    """What a process writes, line by line, with the formatter of the product."""
    stream = io.StringIO()
    config = logging_config(level="INFO", form="json")
    config["handlers"]["stderr"]["stream"] = stream
    configure_logging(config)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    configure_logging(settings.LOGGING)


def test_an_event_is_one_line_of_json_with_its_ids(lines):
    structlog.get_logger("dmp").info("dmp.sending.rejected", order=12, code="XDSDuplicate")
    (line,) = lines()
    assert (line["event"], line["order"], line["code"]) == ("dmp.sending.rejected", 12, "XDSDuplicate")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("key", sorted(PATIENT_DATA_KEYS))
def test_a_key_that_names_patient_data_loses_its_value(lines, key):
    structlog.get_logger("x").info("x.y", **{key: MATRICULE})
    assert lines()[0][key] == DROPPED


def test_patient_data_is_found_at_any_depth_and_in_any_case():
    event = {"event": "x", "detail": [{"INS": MATRICULE, "ok": {"Birth_Date": "1979-03-28", "id": 4}}]}
    assert drop_patient_data(None, "info", event) == {
        "event": "x",
        "detail": [{"INS": DROPPED, "ok": {"Birth_Date": DROPPED, "id": 4}}],
    }


def test_bytes_of_a_message_are_counted_not_written(lines):
    structlog.get_logger("x").info("x.y", frame=b"PID|||" + MATRICULE.encode())
    (line,) = lines()
    assert line["frame"] == "[21 octets]"


def test_extra_data_of_a_standard_logger_is_cleaned_too(lines):
    logging.getLogger("mllp").warning("mllp.line.refused", extra={"partner": "dev", "raw": MATRICULE})
    (line,) = lines()
    assert line["partner"] == "dev"
    assert MATRICULE not in json.dumps(line)


@pytest.mark.django_db
def test_an_error_of_the_database_is_told_without_the_values_it_quotes(lines):
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE seen (matricule text PRIMARY KEY)")
            cursor.execute("INSERT INTO seen VALUES (%s), (%s)", [MATRICULE, MATRICULE])
    except IntegrityError:
        logging.getLogger("django.request").exception("Internal Server Error: /patients/")
    (line,) = lines()
    assert line["error"] == "IntegrityError"
    assert any("test_logs.py" in frame for frame in line["frames"])
    assert MATRICULE not in json.dumps(line)


def test_an_error_of_ours_keeps_its_trace(lines):
    try:
        raise ValueError("un état impossible")
    except ValueError:
        structlog.get_logger("x").exception("x.failed")
    (line,) = lines()
    assert "un état impossible" in line["exception"]
