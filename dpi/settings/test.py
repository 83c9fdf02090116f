"""Settings of the tests: the base, on the engines of the run (tests/engines.py)."""

import os
import secrets
import tempfile

# Named here, created by the process that starts the engines; the workers of xdist inherit it.
_engines = os.environ.setdefault(
    "DPI_TEST_ENGINES", f"{tempfile.gettempdir()}/dpi-test-{os.getpid()}-{secrets.token_hex(4)}"
)
_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
_number = int(_worker.removeprefix("gw")) % 64

os.environ |= {
    "DPI_SECRET_KEY": "only-in-tests-and-long-enough-for-the-checks-of-the-framework",
    # The session is the owner's, the current role the application's: tests/conftest.py.
    "DATABASE_URL": f"postgresql://dpi_app:only-in-tests@/dpi?host={_engines}",
    "DATABASE_OWNER_URL": f"postgresql://dpi_owner:only-in-tests@/dpi?host={_engines}",
    "DPI_AS_OWNER": "true",
    "REDIS_URL": f"unix://:only-in-tests@{_engines}/valkey.sock?db={_number}",
    "DPI_HTTPS": "false",
    "DPI_ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "DPI_STATIC_FROM_SOURCES": "true",
    "DPI_DOCUMENT_STORE": f"{_engines}/documents-{_worker}",
    "DPI_AUDIT_KEY": "only-in-tests-the-key-of-the-chain",
    "DPI_LOG_LEVEL": "WARNING",
}

from dpi.settings.base import *  # noqa: E402, F403 - the base reads the environment set above
from dpi.settings.base import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["TEST"] = {"NAME": "test_dpi"}
CELERY_TASK_ALWAYS_EAGER = False
