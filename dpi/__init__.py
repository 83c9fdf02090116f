"""Project package: settings, URLs, Celery application, health, launcher."""
