"""The code base about itself (house style, section 10): what no single room can check."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from dpi.launcher.plan import SANDBOX_PORTS
from dpi.settings import env
from tests.requirements_report import DONE, done_identifiers
from tests.shared import CHECKOUT

LADDER = [
    "interop", "audit", "ui", "establishment", "national", "accounts", "exchange", "mssante", "patients",
    "consent", "documents", "dmp", "sending", "dossier", "stats", "dpi",
]  # fmt: skip
OID = re.compile(r"(?<![\d.])[0-2](?:\.\d+){5,}(?![\d.])")
# Files that may hold an OID as a literal, each for its reason.
OID_ALLOWED = {
    "dpi/demo/hospital.py": "the fictitious OID root of the demonstration hospital is data, not a code",
    "docs/exemples/etablissement.py": "where an installer writes the OID root of the hospital; fictitious",
}
# Django takes these by their name.
TAKEN_BY_NAME = ("400.html", "403.html", "403_csrf.html", "404.html", "500.html")
MACHINE_PATH = re.compile(r"""(?<![\w./-])/(?:work|root|home/[a-z]+)/\w""")


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    """Files of the project: those that git follows or would follow, never what was built."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    paths = (CHECKOUT / name for name in listed.split("\0") if name)
    return tuple(sorted(path for path in paths if path.is_file()))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def product_sources() -> list[Path]:
    """Python of the product: neither tests nor migrations."""
    return [
        path
        for path in tracked("*.py")
        if "migrations" not in path.parts and path.relative_to(CHECKOUT).parts[0] != "tests"
    ]


def imported_modules(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules.add(node.module)
            modules.update(f"{node.module}.{alias.name}" for alias in node.names)
    return modules


class TestDirections:
    def test_a_room_imports_only_rooms_below_it(self):
        done = subprocess.run(
            [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout

    def test_every_room_on_disk_stands_on_the_ladder_that_is_checked(self):
        with (CHECKOUT / "pyproject.toml").open("rb") as file:
            checked = set(tomllib.load(file)["tool"]["importlinter"]["root_packages"])
        rooms = {path.parent.name for path in tracked("*/apps.py")} | {"interop", "sandbox"}
        assert rooms == checked
        assert checked <= {*LADDER, "pfi", "sandbox"}

    def test_every_room_with_an_application_is_installed(self):
        rooms = {path.parent.name for path in tracked("*/apps.py")} - {"dpi"}
        assert set(settings.ROOMS) == rooms

    def test_wire_formats_know_nothing_of_django(self):
        faults = [
            (name_of(path), module)
            for path in tracked("interop/*.py")
            for module in imported_modules(path)
            if module.partition(".")[0] in ("django", "rest_framework", "celery", "psycopg")
        ]
        assert not faults

    def test_the_sandbox_takes_only_constants_of_the_wire_formats(self):
        faults = []
        for path in tracked("sandbox/*.py"):
            for node in ast.walk(parsed(path)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("interop"):
                    names = [f"{node.module}.{alias.name}" for alias in node.names]
                    faults += [(name_of(path), name) for name in names if ".codes" not in name]
                elif isinstance(node, ast.Import):
                    faults += [
                        (name_of(path), alias.name)
                        for alias in node.names
                        if alias.name.startswith("interop") and not alias.name.endswith(".codes")
                    ]
        assert not faults

    def test_migrations_depend_on_rooms_below(self):
        rank = {room: number for number, room in enumerate(LADDER)}
        rank["pfi"] = rank["mssante"] + 0.5
        loader = MigrationLoader(None, ignore_no_migrations=True)
        faults = [
            (room, name, needed)
            for (room, name), migration in loader.disk_migrations.items()
            if room in rank
            for needed, _ in migration.dependencies
            if needed in rank and rank[needed] > rank[room]
        ]
        assert not faults


class TestMigrations:
    @pytest.mark.django_db
    def test_models_and_migrations_agree(self, capsys):
        try:
            call_command("makemigrations", check_changes=True, dry_run=True)
        except SystemExit:
            pytest.fail(f"a migration is missing: {capsys.readouterr().out}")

    def test_each_operation_can_be_undone_or_says_why_not(self):
        """A migration that cannot be undone carries `irreversible = "reason"`."""
        loader = MigrationLoader(None, ignore_no_migrations=True)
        faults = [
            f"{room}.{name}: {type(operation).__name__}"
            for (room, name), migration in loader.disk_migrations.items()
            if room in settings.ROOMS and not getattr(migration, "irreversible", "")
            for operation in migration.operations
            if not operation.reversible
        ]
        assert not faults

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_every_room_goes_back_to_nothing_and_up_again(self):
        """On a second database, as the owner: the reverse of each migration really runs."""
        target = "test_dpi_reverse_" + os.environ.get("PYTEST_XDIST_WORKER", "gw0")
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "dpi.settings.base",
            "DPI_AS_OWNER": "true",
            "DATABASE_OWNER_URL": os.environ["DATABASE_OWNER_URL"].replace("/dpi?", f"/{target}?"),
        }
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
            cursor.execute(f"DROP DATABASE IF EXISTS {target}")
            cursor.execute(f"CREATE DATABASE {target} TEMPLATE template0")
        try:
            code = (
                "import django; django.setup()\n"
                "from django.core.management import call_command as run\n"
                "from django.conf import settings\n"
                "run('migrate', verbosity=0)\n"
                "from django.db.migrations.loader import MigrationLoader\n"
                "for room in reversed([r for r in settings.ROOMS"
                " if r in MigrationLoader(None).migrated_apps]): run('migrate', room, 'zero', verbosity=0)\n"
                "run('migrate', verbosity=0)\n"
            )
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=CHECKOUT, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr[-2000:]
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {target}")
                cursor.execute(f"SET ROLE {settings.DATABASE_APPLICATION_ROLE}")

    def test_no_migration_uses_an_operation_of_another_engine_version(self):
        """SQL is written for PostgreSQL 15: these came later."""
        later = re.compile(r"\b(?:JSON_TABLE|MERGE\b.*\bRETURNING|uuidv7|ANY_VALUE)\b", re.IGNORECASE)
        faults = [name_of(path) for path in tracked("*.py") if "migrations" in path.parts
                  and later.search(path.read_text("utf-8"))]  # fmt: skip
        assert not faults


class TestNames:
    def test_no_oid_outside_the_tables_of_codes(self):
        faults = []
        for path in product_sources():
            if path.name == "codes.py" or name_of(path) in OID_ALLOWED:
                continue
            texts = docstrings(parsed(path))
            faults += [
                f"{name_of(path)}:{node.lineno}: {node.value}"
                for node in ast.walk(parsed(path))
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in texts
                and OID.search(node.value)
            ]
        assert not faults

    def test_every_choice_has_a_label_of_its_own(self):
        faults = []
        for path in product_sources():
            for node in ast.walk(parsed(path)):
                if isinstance(node, ast.ClassDef) and is_choices(node):
                    faults += [
                        f"{name_of(path)}:{line.lineno} {node.name}"
                        for line in node.body
                        if isinstance(line, ast.Assign) and not has_label(line)
                    ]
        assert not faults

    def test_no_module_is_a_drawer_for_everything(self):
        drawers = {"utils", "helpers", "misc", "common"}
        assert not [
            name_of(path) for path in tracked("*.py") if path.stem in drawers or path.parent.name in drawers
        ]

    def test_no_path_of_a_machine_in_the_project(self):
        faults = []
        for path in tracked():
            try:
                text = path.read_text("utf-8")
            except UnicodeDecodeError:
                continue
            faults += [
                f"{name_of(path)}:{number}"
                for number, line in enumerate(text.splitlines(), 1)
                if MACHINE_PATH.search(line)
            ]
        assert not faults


def docstrings(tree: ast.Module) -> set[int]:
    """Strings that are statements of their own: documentation, not values."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def is_choices(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).endswith(("TextChoices", "IntegerChoices")) for base in node.bases)


def has_label(line: ast.Assign) -> bool:
    """`NAME = value, label`; a name in lower case or with underscores around is no member."""
    target = line.targets[0]
    if not isinstance(target, ast.Name) or not target.id.isupper():
        return True
    return isinstance(line.value, ast.Tuple) and len(line.value.elts) >= 2


class TestTemplates:
    def test_no_template_is_unused(self):
        templates = [path for path in tracked("templates/*.html")]
        users = {path: path.read_text("utf-8") for path in (*templates, *tracked("*.py"))}
        unused = []
        for template in templates:
            name = str(template.relative_to(CHECKOUT / "templates"))
            if name in (
                "400.html",
                "403.html",
                "403_csrf.html",
                "404.html",
                "500.html",
            ):  # Django takes them by their name
                continue
            if not any(name in text for path, text in users.items() if path != template):
                unused.append(name)
        assert not unused

    def test_no_page_holds_a_script_or_a_style_of_its_own(self):
        """The content policy would stop them (security 10.1)."""
        inline = re.compile(r"<style\b|\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)[^>]*>", re.IGNORECASE)
        faults = [
            name_of(path)
            for path in tracked("templates/*.html")
            if "print" not in path.parts and inline.search(without_comments(path.read_text("utf-8")))
        ]
        assert not faults


def without_comments(template: str) -> str:
    return re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", template, flags=re.DOTALL)


class TestDocumentation:
    def rows(self, *, launcher: bool) -> set[str]:
        """Names in the first column of docs/configuration.md, of the launcher's table or of the others."""
        text = (CHECKOUT / "docs" / "configuration.md").read_text("utf-8")
        names: set[str] = set()
        for chapter in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
            if chapter.startswith("Lanceur") is launcher:
                names.update(re.findall(r"^\| `([A-Z][A-Z0-9_]*)`", chapter, flags=re.MULTILINE))
        return names

    def test_every_setting_is_documented_and_nothing_else(self):
        assert self.rows(launcher=False) == set(env.declared)

    def test_every_variable_of_the_launcher_is_documented(self):
        sources = "".join(path.read_text("utf-8") for path in tracked("dpi/launcher/*.py"))
        read = {name for name in re.findall(r'"(DPI_[A-Z_]+)"', sources) if name not in env.declared}
        assert self.rows(launcher=True) == read
        assert set(SANDBOX_PORTS) <= read

    def test_every_periodic_task_is_documented_and_exists(self):
        from dpi.celery import app

        app.loader.import_default_modules()
        text = (CHECKOUT / "docs" / "operations.md").read_text("utf-8")
        rows = set(re.findall(r"^\| `([a-z-]+)` \| `([a-zA-Z_.]+)`", text, flags=re.MULTILINE))
        schedule = {(name, entry["task"]) for name, entry in settings.CELERY_BEAT_SCHEDULE.items()}
        assert rows == schedule
        assert {task for _, task in schedule} <= set(app.tasks)

    def test_the_requirement_files_hold_hashes_and_no_address(self):
        for path in tracked("requirements/*.txt"):
            text = path.read_text("utf-8")
            assert "://" not in text, path.name
            assert "--index-url" not in text, path.name
            pins = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
            assert len(re.findall(r"^ +--hash=sha256:", text, flags=re.MULTILINE)) >= len(pins)

    def test_the_requirement_files_follow_the_pins_of_the_project(self):
        with (CHECKOUT / "pyproject.toml").open("rb") as file:
            project = tomllib.load(file)["project"]
        extras = project["optional-dependencies"]
        for name, wanted in (
            ("base", project["dependencies"]),
            ("demo", project["dependencies"] + extras["demo"]),
            ("dev", project["dependencies"] + extras["demo"] + extras["dev"]),
        ):
            text = (CHECKOUT / "requirements" / f"{name}.txt").read_text("utf-8").lower()
            for requirement in wanted:
                package, _, version = re.sub(r"\[.*?\]", "", requirement).lower().partition("==")
                package = re.split(r"[<>=]", package)[0].replace(".", "-")
                assert re.search(rf"^{re.escape(package)}=={re.escape(version)}", text, flags=re.MULTILINE), (
                    name,
                    requirement,
                )


class TestRequirements:
    def marked(self) -> set[str]:
        """Ids that markers carry, read from the source so that nothing needs to run."""
        found = set()
        for path in tracked("tests/*.py"):
            for node in ast.walk(parsed(path)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.requirement":
                    found.update(
                        argument.value for argument in node.args if isinstance(argument, ast.Constant)
                    )
        return found

    def test_a_done_requirement_has_a_test_that_carries_its_id(self):
        """Whether that test passed is asked at the end of a full run (`--done`)."""
        assert not set(done_identifiers()) - self.marked()

    def test_done_requirements_are_listed_once(self):
        listed = tomllib.loads(DONE.read_text("utf-8")).get("done", [])
        assert len(listed) == len(set(listed))

    def test_every_id_on_a_test_is_one_of_the_specification(self, shared):
        specification = (shared / "spec" / "requirements.md").read_text("utf-8")
        assert not sorted(identifier for identifier in self.marked() if identifier not in specification)


def test_every_room_names_itself_in_french():
    for room in settings.ROOMS:
        verbose = str(apps.get_app_config(room).verbose_name)
        assert verbose
        assert verbose != room.title() or room in ("patients", "documents"), room
