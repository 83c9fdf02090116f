"""Structured logs: one event a line, with ids, never patient data (house style 11; security 8.1)."""

from __future__ import annotations

import logging.config
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

PATIENT_DATA_KEYS = frozenset(
    {
        "ins", "matricule", "matricule_ins", "nir", "nia", "ipp",
        "name", "names", "birth_name", "used_name", "family_name", "given_name", "first_name",
        "first_names", "last_name", "nom", "prenom", "prenoms", "birth_date", "date_of_birth",
        "birth_place", "address", "adresse", "phone", "telephone", "email", "mail",
        "patient", "traits", "identity", "content", "body", "payload", "document", "raw", "message_bytes",
        "token", "access_token", "refresh_token", "id_token", "code_verifier", "password", "secret",
        "authorization", "cookie", "assertion", "vihf", "query_string",
    }
)  # fmt: skip
DROPPED = "[retiré]"
LIBRARIES = frozenset(
    {"django", "celery", "kombu", "gunicorn", "axes", "httpx", "py", "asyncio", "imapclient"}
)


def _without_patient_data(value: Any) -> Any:
    if isinstance(value, MutableMapping):
        return {
            key: DROPPED if str(key).lower() in PATIENT_DATA_KEYS else _without_patient_data(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_patient_data(item) for item in value]
    if isinstance(value, bytes):
        return f"[{len(value)} octets]"
    return value


def drop_patient_data(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace what identifies a patient or opens a door, at any depth, whatever the caller passed."""
    cleaned: EventDict = _without_patient_data(event)
    return cleaned


def drop_exception_text(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Keep the type of an exception, drop its text when it may quote data of a row.

    A database error repeats the refused values ("Key (matricule)=(…) already exists").
    """
    error = event.get("exc_info")
    value = error[1] if isinstance(error, tuple) else error
    if isinstance(value, BaseException):
        event["error"] = type(value).__name__
        if type(value).__module__.partition(".")[0] in ("psycopg", "django"):
            event["exc_info"] = None
            event["frames"] = _frames(value)
    return event


_extra = structlog.stdlib.ExtraAdder()


def add_our_extra(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Keep the `extra` of our own standard loggers; that of libraries holds requests and task arguments."""
    record = event.get("_record")
    if record is None or record.name.partition(".")[0] in LIBRARIES:
        return event
    return _extra(logger, method, event)


def _frames(error: BaseException) -> list[str]:
    """Where it happened: `file:line function`, outermost first, without any value."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-12:]


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def logging_config(*, level: str, form: str) -> dict[str, Any]:
    """The dictionary of `logging`: our events and those of the libraries leave by one formatter."""
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    before_rendering: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        drop_exception_text,
        drop_patient_data,
    ]
    if form == "json":
        before_rendering.append(structlog.processors.format_exc_info)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*_shared_processors(), add_our_extra],
                "processors": [*before_rendering, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Their messages hold the path with its query string, or repeat each request.
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            # It repeats every command, and the mails themselves.
            "imapclient": {"level": "WARNING"},
            "fontTools": {"level": "WARNING"},
            "weasyprint": {"level": "ERROR"},
        },
    }


def configure_logging(config: dict[str, Any]) -> None:
    """Apply the configuration; called once by `dpi.apps` when Django starts."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(config)
