"""`mllp_adt`: admissions stored by the real listener, against the barest server that stores them.

PAM_ACK is `stored`: the answer says that the message is committed. Both servers run at once, each takes
its round in turn, so that what else the machine does weighs on both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg

from exchange.enums import PamAck
from exchange.models import Message, Partner
from tests.bench.adt import Sent, admissions, lines_to, refusals, send_all
from tests.bench.bare_mllp import CREATE
from tests.bench.children import running, written
from tests.bench.context import folder
from tests.bench.figures import Figure, median_ratio, rss_mb, timed

LINES = 4
ROUND = 300
ROUNDS = 16


def measure() -> Iterator[Figure | str]:
    """Rounds of both, interleaved; the first of each only warms up."""
    port = int(os.environ["DPI_MLLP_PORT"])
    Partner.objects.create(
        code="gam", name="GAM", listen_port=port, uses_tls=False, pam_ack=PamAck.STORED, processing_ids="P"
    )
    address = os.environ["DATABASE_OWNER_URL"]  # the table of the yardstick is not the product's
    with psycopg.connect(address, autocommit=True) as owner:
        owner.execute(CREATE)
    bare_port, ready = folder() / "bare-port", folder() / "ready"
    messages = admissions(ROUND * ROUNDS, prefix="B")
    shares = [messages[start : start + ROUND] for start in range(0, len(messages), ROUND)]
    with (
        running("bare", "-m", "tests.bench.bare_mllp", str(bare_port), address, ready=written(bare_port)),
        running(
            "mllp", "manage.py", "mllp_listen", "--ready-file", str(ready), ready=written(ready)
        ) as listener,
        lines_to(int(bare_port.read_text()), LINES) as bare_lines,
        lines_to(port, LINES) as lines,
    ):
        bare: list[Sent] = []
        ours: list[Sent] = []
        for share in shares:
            bare.append(send_all(bare_lines, share))
            ours.append(send_all(lines, share))
        memory = rss_mb(listener.pid)
    yield from refusals([answer for sent in ours for answer in sent.answers])
    if (stored := Message.objects.count()) != len(messages):
        yield f"mllp_adt: {stored} messages kept of {len(messages)}"
    yield timed(
        "mllp_adt",
        [one for sent in ours[1:] for one in sent.seconds],
        per_s=_rate(ours[1:]),
        rss_mb=memory,
        yardstick=_rate(bare[1:]),
        ratio=median_ratio([sent.per_s for sent in ours[1:]], [sent.per_s for sent in bare[1:]]),
    )


def _rate(rounds: list[Sent]) -> float:
    return sum(len(sent.seconds) for sent in rounds) / sum(sent.wall for sent in rounds)
