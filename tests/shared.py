"""Where the official data lies, beside the checkout: examples, schemas, value sets, seeds."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("DPI_SHARED") or CHECKOUT.parent / "shared")
"""The folder of official data; `DPI_SHARED` points at another copy. It may be absent."""

ABSENT = "official data is absent: put it beside the checkout or set DPI_SHARED"
