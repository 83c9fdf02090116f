"""Contents of the DMP that a person is reading, for the length of a session (spec dmp 6.5).

Viewing keeps nothing: the bytes wait in the cache under a key that only the session holds, so that the
PDF and the structured view of one opening are one retrieval. Logging out takes the key away, and a quarter
of an hour the bytes.
"""

from __future__ import annotations

import logging
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from audit.context import current_origin
from dmp.models import RemoteDocument

logger = logging.getLogger(__name__)

ENTRY: Final = "dmp_contents"
LIFE_SECONDS: Final = 15 * 60
MAX_BYTES: Final = 16 * 2**20
"""A larger document is retrieved again for each view."""


def content_of_session(request: HttpRequest, document: RemoteDocument) -> bytes:
    """What this session retrieved of a document; empty when it did not, or no longer has it."""
    key = request.session.get(ENTRY)
    if not isinstance(key, str):
        return b""
    try:
        sealed = cache.get(_name(document))
        return Fernet(key).decrypt(sealed) if isinstance(sealed, bytes) else b""
    except (RedisError, InvalidToken, ValueError):
        return b""


def content_keep_for_session(request: HttpRequest, document: RemoteDocument, content: bytes) -> None:
    """Let this session look at the document again; without cache, it will be retrieved again."""
    if not content or len(content) > MAX_BYTES:
        return
    key = request.session.get(ENTRY)
    if not isinstance(key, str):
        key = Fernet.generate_key().decode()
        request.session[ENTRY] = key
    try:
        cache.set(_name(document), Fernet(key).encrypt(content), LIFE_SECONDS)
    except RedisError:
        logger.warning("dmp.contents.cache_unavailable")


def _name(document: RemoteDocument) -> str:
    """One place for each session, document and version of its metadata."""
    return f"dmp:{current_origin().session}:{document.uid}:{document.version}"
