#!/usr/bin/env python
"""Django's command line. With DPI_STATE set, it speaks to the instance that `make run` started."""

from __future__ import annotations

import os
import sys

from dpi.state import load_environment

OWNER_COMMANDS = frozenset({"migrate", "sqlmigrate", "sqlflush", "flush", "optimizemigration"})


def main() -> None:
    load_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dpi.settings.base")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS:
        os.environ.setdefault("DPI_AS_OWNER", "true")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration : {error}")


if __name__ == "__main__":
    main()
