"""WSGI entrance: `gunicorn dpi.wsgi`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from dpi.memory import heap_small

heap_small()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dpi.settings.base")

application = get_wsgi_application()
