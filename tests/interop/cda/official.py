"""The official CDA data set, read where it lies, and the tool that checks documents against it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import ABSENT, SHARED

EXAMPLES = SHARED / "cisis" / "examples"
VALUE_SETS = SHARED / "cisis" / "jeuxDeValeurs"
MESSAGES = SHARED / "data" / "hl7v2"
CHECK_CDA = SHARED / "tools" / "check_cda"

needs_official_data = pytest.mark.skipif(not EXAMPLES.is_dir(), reason=ABSENT)


def check_cda(*files: Path, model: str = "") -> str:
    """Return what the national rules say against the documents: empty when all are conform.

    Raises:
        RuntimeError: the tool itself could not work.
    """
    command = [sys.executable, str(CHECK_CDA), "--warnings", *(["--model", model] if model else [])]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return "\n".join(line for line in done.stdout.splitlines() if not line.endswith(" 0 failed"))
