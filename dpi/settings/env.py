"""Typed reading of the environment (house style, section 9).

Each helper notes the variable it reads in `declared`, which a test compares with
docs/configuration.md. A missing or malformed value raises `BadSetting`, whose sentence names the
variable, never a secret's content.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from dpi.words import FALSE_WORDS, TRUE_WORDS

declared: dict[str, str] = {}
"""Every variable read so far: name to kind (`bool`, `int`, `url`, `list`, `secret`, `text`, `path`)."""


class BadSetting(ImproperlyConfigured):
    """A variable of the environment is missing or malformed; the product does not start."""


def _raw(name: str, kind: str) -> str | None:
    declared[name] = kind
    value = os.environ.get(name, "").strip()
    return value or None


def _required(name: str, value: str | None) -> str:
    if value is None:
        raise BadSetting(f"La variable {name} n'est pas définie : renseignez-la (docs/configuration.md).")
    return value


def text(name: str, default: str | None = None, *, choices: Sequence[str] = ()) -> str:
    """A string; with `choices`, one of them."""
    value = _raw(name, "text")
    if value is None and default is not None:
        return default
    value = _required(name, value)
    if choices and value not in choices:
        raise BadSetting(f"La variable {name} vaut « {value} » : valeurs admises {', '.join(choices)}.")
    return value


def flag(name: str, default: bool) -> bool:
    """A boolean, in words or digits."""
    value = _raw(name, "bool")
    if value is None:
        return default
    if value.lower() in TRUE_WORDS:
        return True
    if value.lower() in FALSE_WORDS:
        return False
    raise BadSetting(f"La variable {name} vaut « {value} » : écrivez true ou false.")


def integer(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """A whole number within bounds, ends included."""
    value = _raw(name, "int")
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise BadSetting(f"La variable {name} vaut « {value} » : un nombre entier est attendu.") from None
    if number < minimum or (maximum is not None and number > maximum):
        bounds = f"au moins {minimum}" if maximum is None else f"de {minimum} à {maximum}"
        raise BadSetting(f"La variable {name} vaut {number} : {bounds} attendu.")
    return number


def words(name: str, default: Sequence[str] = ()) -> list[str]:
    """A list separated by commas; blanks are dropped."""
    value = _raw(name, "list")
    if value is None:
        return list(default)
    return [word for part in value.split(",") if (word := part.strip())]


def pairs(name: str, default: Mapping[str, str], *, values: Collection[str]) -> dict[str, str]:
    """Words with a meaning each, `WORD=value` separated by commas; a value is one of `values`."""
    listed = _raw(name, "list")
    if listed is None:
        return dict(default)
    found = {}
    for part in filter(None, (part.strip() for part in listed.split(","))):
        word, _, value = (side.strip() for side in part.partition("="))
        if not word or value not in values:
            raise BadSetting(
                f"La variable {name} porte « {part} » : MOT=valeur attendu, valeurs admises "
                f"{', '.join(sorted(values))}."
            )
        found[word] = value
    return found


def named(name: str, default: Mapping[str, str]) -> dict[str, str]:
    """The default values, changed by `name=value` separated by commas; every name is one of the default."""
    found = dict(default)
    for part in filter(None, (part.strip() for part in (_raw(name, "list") or "").split(","))):
        key, _, value = (side.strip() for side in part.partition("="))
        if key not in default or not value:
            raise BadSetting(
                f"La variable {name} porte « {part} » : nom=valeur attendu, noms admis "
                f"{', '.join(sorted(default))}."
            )
        found[key] = value
    return found


def url(name: str, default: str | None = None, *, schemes: Sequence[str] = ("https",)) -> str:
    """An absolute address with one of the schemes; an empty default means "not configured"."""
    value = _raw(name, "url")
    if value is None and default is not None:
        return default
    value = _required(name, value)
    parts = urlsplit(value)
    if parts.scheme not in schemes or not (parts.netloc or parts.path):
        raise BadSetting(
            f"La variable {name} n'est pas une adresse utilisable : {', '.join(schemes)} attendu au début."
        )
    return value


def path(name: str, default: Path | None = None) -> Path | None:
    """A file or folder, absolute once read; None when unset and without default."""
    value = _raw(name, "path")
    return Path(value).expanduser().absolute() if value else default


def secret(name: str, default: str | None = None) -> str:
    """A secret from `NAME`, or from the file that `NAME_FILE` names (one of the two, never both)."""
    value = _raw(name, "secret")
    file = os.environ.get(f"{name}_FILE", "").strip()
    if not file:
        return default if value is None and default is not None else _required(name, value)
    if value is not None:
        raise BadSetting(f"Les variables {name} et {name}_FILE sont toutes deux définies : gardez-en une.")
    try:
        content = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "contenu illisible"
        raise BadSetting(f"Le fichier nommé par {name}_FILE ne peut être lu : {reason}.") from None
    if not content:
        raise BadSetting(f"Le fichier nommé par {name}_FILE est vide.")
    return content


def database(name: str, default: str | None = None) -> dict[str, Any]:
    """A PostgreSQL address as a Django database entry.

    `postgresql://user:password@host:5432/name?sslmode=require`, or a socket folder:
    `postgresql://user:password@/name?host=/run/postgresql`. Other query fields go to the driver.
    Read as a secret (so `NAME_FILE` works), for it may hold a password.
    """
    parts = urlsplit(secret(name, default))
    database_name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("postgres", "postgresql") or not database_name:
        raise BadSetting(
            f"La variable {name} n'est pas une adresse PostgreSQL : "
            "postgresql://compte:secret@serveur:5432/base est attendu."
        )
    try:
        port = str(parts.port or "")
    except ValueError:
        raise BadSetting(f"La variable {name} porte un numéro de port inutilisable.") from None
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database_name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": port,
        "OPTIONS": options,
    }


def redis(name: str, default: str | None = None) -> str:
    """A Redis or Valkey address (`redis://`, `rediss://`, `unix://`), read as a secret."""
    value = secret(name, default)
    if urlsplit(value).scheme not in ("redis", "rediss", "unix"):
        raise BadSetting(
            f"La variable {name} n'est pas une adresse Redis : redis://, rediss:// ou unix:// attendu."
        )
    return value


def celery_broker(address: str) -> str:
    """The same server in the form that kombu wants: a socket is `redis+socket://` there."""
    parts = urlsplit(address)
    if parts.scheme != "unix":
        return address
    number = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={number}"
