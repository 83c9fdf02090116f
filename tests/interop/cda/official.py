"""The official CDA data set, read where it lies, and the tool that checks documents against it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("DPI_SHARED") or Path(__file__).parents[4] / "shared").resolve()
EXAMPLES = SHARED / "cisis" / "examples"
VALUE_SETS = SHARED / "cisis" / "jeuxDeValeurs"
CHECK_CDA = SHARED / "tools" / "check_cda"

needs_official_data = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason=f"the official CDA data set is not in {SHARED} (DPI_SHARED)"
)


def check_cda(*files: Path) -> str:
    """Return what the national rules say against the documents: empty when all are conform."""
    done = subprocess.run(  # noqa: S603 - the tool and its arguments are ours
        [sys.executable, CHECK_CDA, "--warnings", *files], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return "\n".join(line for line in done.stdout.splitlines() if not line.endswith(" 0 failed"))
