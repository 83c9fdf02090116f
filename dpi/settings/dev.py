"""Settings for tools that only import the code (mypy, editors): no server is contacted."""

import os

os.environ.setdefault("DPI_SECRET_KEY", "only-for-tools-never-for-a-server")
os.environ.setdefault("DATABASE_URL", "postgresql://dpi_app@/dpi?host=/run/postgresql")
os.environ.setdefault("REDIS_URL", "unix:///run/redis/redis.sock")

from dpi.settings.base import *  # noqa: E402, F403 - the base reads the environment set above

DEBUG = True
HTTPS = False
