"""Safe by default: what a production start answers to Django's checks and to a browser (security 9, 10)."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings as active

from tests.shared import CHECKOUT

PRODUCTION = {
    "PATH": os.environ["PATH"],
    "DJANGO_SETTINGS_MODULE": "dpi.settings.base",
    "DPI_SECRET_KEY": "x9-Only_for_this_check_0123456789_abcdefghijklmnopqrstuvwxyz",
    "DATABASE_URL": "postgresql://dpi_app:x@/dpi?host=/nowhere",
    "DATABASE_OWNER_URL": "postgresql://dpi_owner:x@/dpi?host=/nowhere",
    "REDIS_URL": "rediss://:x@127.0.0.1:6379/0",
    "DPI_ALLOWED_HOSTS": "dpi.hopital.example",
}


def manage(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=PRODUCTION | environment,
        capture_output=True,
        text=True,
    )


def production_settings(*names, **environment):
    """Settings of a production start, read in a process of its own."""
    code = (
        "import json, dpi.settings.base as base\n"
        f"print(json.dumps({{name: getattr(base, name) for name in {list(names)!r}}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env=PRODUCTION | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_the_deployment_check_is_silent():
    done = manage("check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DATABASE_OWNER_URL": ""}, "dpi.W001"),
        ({"DPI_SANDBOX": "true"}, "dpi.W002"),
        ({"DPI_HTTPS": "false"}, "security.W012"),
        ({"DPI_DEBUG": "true"}, "security.W018"),
        ({"DPI_ALLOWED_HOSTS": ""}, "security.W020"),
        ({"DPI_SECRET_KEY": "short"}, "security.W009"),
    ],
)
def test_the_deployment_check_names_what_is_not_for_production(environment, said):
    done = manage("check", "--deploy", "--fail-level", "WARNING", **environment)
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize("name", ["DPI_SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_a_start_without_what_it_needs_stops_with_one_sentence(name):
    done = manage("check", **{name: ""})
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert name in done.stderr


def test_nothing_is_open_by_default():
    values = production_settings("DEBUG", "DPI_SANDBOX", "HTTPS", "MLLP_BIND", "MLLP_ALLOW_PLAIN")
    assert values == {
        "DEBUG": False,
        "DPI_SANDBOX": False,
        "HTTPS": True,
        "MLLP_BIND": "127.0.0.1",
        "MLLP_ALLOW_PLAIN": False,
    }


def test_cookies_of_production_belong_to_this_host_alone():
    values = production_settings(
        "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE",
        "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_AGE",
        "SESSION_EXPIRE_AT_BROWSER_CLOSE",
    )  # fmt: skip
    assert values.pop("SESSION_COOKIE_NAME") == "__Host-sessionid"
    assert values.pop("CSRF_COOKIE_NAME") == "__Host-csrftoken"
    assert values.pop("SESSION_COOKIE_SAMESITE") == "Lax"
    assert values.pop("SESSION_COOKIE_AGE") == 12 * 3600
    assert set(values.values()) == {True}


def test_the_port_is_in_the_names_of_a_demonstration():
    values = production_settings(
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_NAME",
        "UI_COOKIE_PREFIX",
        DPI_HTTPS="false",
        DPI_COOKIE_SUFFIX="-8001",
    )
    assert all(name.endswith("-8001") for name in values.values())


def test_passwords_sessions_and_tasks_use_no_weak_form():
    values = production_settings(
        "PASSWORD_HASHERS",
        "SESSION_SERIALIZER",
        "SESSION_ENGINE",
        "CELERY_ACCEPT_CONTENT",
        "CELERY_TASK_SERIALIZER",
    )
    assert values["PASSWORD_HASHERS"] == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    assert values["SESSION_SERIALIZER"].endswith("JSONSerializer")
    assert values["SESSION_ENGINE"] == "django.contrib.sessions.backends.db"
    assert values["CELERY_ACCEPT_CONTENT"] == [values["CELERY_TASK_SERIALIZER"]] == ["json"]


def test_a_task_is_never_longer_than_what_the_broker_waits():
    values = production_settings(
        "CELERY_TASK_TIME_LIMIT", "CELERY_TASK_SOFT_TIME_LIMIT", "CELERY_BROKER_TRANSPORT_OPTIONS"
    )
    visible = values["CELERY_BROKER_TRANSPORT_OPTIONS"]["visibility_timeout"]
    assert values["CELERY_TASK_SOFT_TIME_LIMIT"] < values["CELERY_TASK_TIME_LIMIT"] < visible


@pytest.mark.django_db
class TestHeaders:
    def test_a_page_carries_the_headers_of_the_list(self, client):
        response = client.get("/", headers={"host": "localhost"})
        assert response.status_code == 200
        assert response["X-Frame-Options"] == "DENY"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Referrer-Policy"] == "same-origin"
        assert response["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "geolocation=()" in response["Permissions-Policy"]
        assert "no-store" in response["Cache-Control"]
        assert "Server" not in response.headers

    def test_the_content_policy_lets_in_nothing_inline_and_nothing_from_elsewhere(self, client):
        policy = dict(
            part.strip().split(" ", 1)
            for part in client.get("/")["Content-Security-Policy"].split(";")
            if part.strip()
        )
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
        for directive in ("script-src", "style-src"):
            assert policy[directive].split()[0] == "'self'"
            assert "unsafe" not in policy[directive]
        assert not [value for value in policy.values() if "*" in value or value == "https:"]

    def test_a_page_that_does_not_exist_says_nothing_of_the_inside(self, client):
        response = client.get("/nothing-here")
        assert response.status_code == 404
        body = response.content.decode()
        assert "Traceback" not in body
        assert "urlpatterns" not in body

    def test_another_host_name_is_refused(self, client):
        assert client.get("/health/live", headers={"host": "evil.example"}).status_code == 400

    @pytest.mark.parametrize(
        "path", ["/admin/", "/.git/config", "/metrics", "/api/schema", "/static/../manage.py"]
    )
    def test_doors_that_scanners_try_are_not_there(self, client, path):
        assert client.get(path).status_code == 404

    def test_production_is_sent_to_https_but_for_health(self, client, settings):
        settings.SECURE_SSL_REDIRECT = True
        assert client.get("/")["Location"].startswith("https://")
        assert client.get("/health/live").status_code == 200


def test_the_version_shown_is_that_of_the_project():
    assert active.DPI_VERSION.count(".") == 2
