"""One question at a time to one DMP for one person, whatever pages of theirs are open.

A doctor who leaves a slow page and comes back would otherwise ask again, and again, then read that the DMP
is unavailable: later pages wait for the answer of the first without holding a thread (spec dmp 6.2).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from dmp.consultation import Consultation

logger = logging.getLogger(__name__)


@contextmanager
def asking(consultation: Consultation, question: str) -> Iterator[bool]:
    """Whether this request is the one that asks; without cache, each one does.

    The place is given back at the end of the block, and by itself after the longest call.
    """
    name = f"dmp:asks:{question}:{consultation.user.pk}:{consultation.patient.pk}:{consultation.structure}"
    try:
        is_first = cache.add(name, True, settings.DMP_PATIENCE_SECONDS + settings.DMP_QUERY_TIMEOUT_SECONDS)
    except RedisError:
        logger.warning("dmp.asking.cache_unavailable")
        yield True
        return
    try:
        yield is_first
    finally:
        if is_first:
            with suppress(RedisError):
                cache.delete(name)
