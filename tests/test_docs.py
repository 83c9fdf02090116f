"""What the documentation shows exists: commands, options, pages, variables, modules, processes, examples."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands, load_command_class

from accounts.enums import RoleCode
from accounts.permissions import PERMISSIONS
from accounts.roles import DEFAULT_ROLES
from dpi import roles, system
from dpi.launcher import plan
from dpi.settings import env
from interop.hl7v2.pam import AdtMessage, parse_adt
from interop.hl7v2.tokens import parse_message
from interop.ins.codes import IdentityStatus

CHECKOUT = Path(__file__).resolve().parent.parent
GENERATED = {"docs/exigences.md", "docs/mesures.md"}  # made of a run of the tests, of the bench
PAGES = sorted(
    page
    for page in [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("deploy/**/*.md")]
    if str(page.relative_to(CHECKOUT)) not in GENERATED
)
PROCESSES = ("web", "worker", "beat", "mllp", "sealer")
# Variables that a person sets in a shell or a test run, and that are no setting of the product.
OTHER_VARIABLES = {
    "DPI_SHARED", "DPI_LONG", "DPI_TEST_POSTGRES",
    "DPI_OWNER_PASSWORD", "DPI_APP_PASSWORD", "DPI_FIRST_PASSWORD",
}  # fmt: skip


def name_of(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@dataclass(frozen=True, slots=True)
class Shown:
    """A call of manage.py as a page shows it."""

    page: str
    name: str
    arguments: tuple[str, ...]


def code_blocks(text: str) -> list[str]:
    """The content of fenced blocks, indented ones included, with continued lines joined."""
    found = re.findall(r"^( *)```[a-z]*\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    return [block.replace("\\\n", " ") for _, block in found]


def shown_calls(text: str, page: str) -> Iterator[Shown]:
    inline = re.findall(r"`([^`\n]*manage\.py [^`\n]*)`", text)
    for line in [*inline, *(line for block in code_blocks(text) for line in block.splitlines())]:
        call = re.search(r"manage\.py +([a-z][a-z_0-9]*)(.*)", line)
        if call is None:
            continue
        rest = re.split(r" [|<>#]|>>", call[2])[0]
        yield Shown(page, call[1], tuple(shlex.split(rest)))


CALLS = [call for page in PAGES for call in shown_calls(page.read_text("utf-8"), name_of(page))]


class TestCommands:
    @each_page
    def test_every_make_target_named_exists(self, page):
        targets = set(re.findall(r"^([a-z-]+):.*## ", (CHECKOUT / "Makefile").read_text("utf-8"), re.M))
        text = page.read_text("utf-8")
        named = set(re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z-]+)", text))
        for block in code_blocks(text):
            named |= set(re.findall(r"^ *(?:[A-Z_]+=\S+ )*make ([a-z-]+)", block, re.M))
        assert named <= targets

    def test_the_documentation_shows_calls_of_manage_py(self):
        assert len(CALLS) > 10

    @pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.page}:{call.name}")
    def test_every_call_of_manage_py_is_understood(self, call):
        """The command exists and its own parser accepts the options; `…` stands for what the reader puts."""
        commands = get_commands()
        assert call.name in commands, call
        if "…" in call.arguments or not any(argument.startswith("-") for argument in call.arguments):
            return
        command = load_command_class(commands[call.name], call.name)
        command.create_parser("manage.py", call.name).parse_args(list(call.arguments))


class TestLinks:
    @each_page
    def test_every_link_resolves(self, page):
        text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        broken = []
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith(("https://", "http://", "mailto:")):
                continue
            file, _, anchor = unquote(target).partition("#")
            wanted = (page.parent / file).resolve() if file else page
            if not wanted.exists() or (anchor and anchor not in anchors(wanted)):
                broken.append(target)
        assert not broken

    def test_every_page_is_reached_from_the_index(self):
        index = CHECKOUT / "docs" / "index.md"
        seen, waiting = set(), [index]
        while waiting:
            page = waiting.pop()
            if page in seen or page.suffix != ".md" or not page.exists():
                continue
            seen.add(page)
            for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text("utf-8")):
                waiting.append((page.parent / target).resolve())
        assert {name_of(page) for page in PAGES} - {name_of(page) for page in seen} == set()

    @each_page
    def test_every_file_and_module_named_exists(self, page):
        text = page.read_text("utf-8")
        named = re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9.*-]*)`", text)
        rooms = {path.name for path in CHECKOUT.iterdir() if path.is_dir()} - {"build"}
        named = [name for name in named if name.split("/")[0] in rooms and name not in GENERATED]
        assert not [name for name in named if not any(CHECKOUT.glob(name))]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


class TestVariables:
    @each_page
    def test_every_variable_named_exists(self, page):
        launcher = "".join(file.read_text("utf-8") for file in (CHECKOUT / "dpi" / "launcher").glob("*.py"))
        known = set(env.declared) | set(re.findall(r'"(DPI_[A-Z_]+)"', launcher)) | OTHER_VARIABLES
        prefixes = "DPI|MLLP|PAM|INS|SENDING|HL7|DMP|SESSION|DATABASE|REDIS|CELERY|PASSWORD|LOCAL|CARE"
        text = page.read_text("utf-8")
        named = set(re.findall(rf"(?<![\w^|/])((?:{prefixes})_[A-Z_]+)(?=[`= ])", text))
        known |= {f"{name}_FILE" for name, kind in env.declared.items() if kind == "secret"}
        assert {name for name in named if name not in known and not is_a_code(name)} == set()


def is_a_code(name: str) -> bool:
    """Words of the wire and of our vocabulary that look like variables: HL7 metadata, reasons, statuses."""
    sources = [
        *CHECKOUT.glob("interop/**/codes.py"), *CHECKOUT.glob("*/enums.py"), *CHECKOUT.glob("*/services.py"),
    ]  # fmt: skip
    return any(name in file.read_text("utf-8") for file in sources)


class TestExamples:
    def admission(self) -> AdtMessage:
        return parse_adt(parse_message((CHECKOUT / "docs/exemples/admission.er7").read_bytes()))

    def test_the_admission_of_the_first_walk_is_accepted_without_a_warning(self):
        message = self.admission()
        assert message.warnings == ()
        assert message.identity.reliability.status == IdentityStatus.QUALIFIED
        assert message.visit is not None
        assert message.visit.location.point_of_care == "6268"

    def test_the_admission_is_of_a_person_whom_the_sandbox_knows(self):
        from sandbox import demo

        ins = self.admission().identity.ins
        assert ins is not None
        assert ins.matricule in Path(demo.__file__).read_text("utf-8")

    def test_the_page_on_pam_shows_the_very_example(self):
        example = (CHECKOUT / "docs/exemples/admission.er7").read_text("utf-8")
        page = (CHECKOUT / "docs/interfaces/pam.md").read_text("utf-8")
        assert all(line in page for line in example.splitlines())

    def test_worked_messages_of_the_pages_are_read_by_our_parsers(self):
        """Segments shown in a page tokenize; those cut for the reader hold an ellipsis."""
        for page in PAGES:
            for block in code_blocks(page.read_text("utf-8")):
                if block.lstrip().startswith("MSH|"):
                    parse_message(block.strip().encode())


class TestRoles:
    def test_the_page_of_roles_is_that_of_the_code(self):
        text = (CHECKOUT / "docs/securite/roles-et-droits.md").read_text("utf-8")
        for code in RoleCode:
            row = re.search(rf"^\| `{code}` \| {re.escape(code.label)} \| [^|]+ \| (.*) \|$", text, re.M)
            assert row is not None, code
            assert tuple(re.findall(r"`([a-z._]+)`", row[1])) == DEFAULT_ROLES[code].permissions

    def test_the_page_of_roles_explains_every_permission(self):
        text = (CHECKOUT / "docs/securite/roles-et-droits.md").read_text("utf-8")
        for name, label in PERMISSIONS.items():
            assert f"| `{name}` | {label} |" in text


class TestInstallation:
    def test_the_packages_of_the_system_are_named(self):
        text = (CHECKOUT / "docs/installation.md").read_text("utf-8")
        for package in system.VENV | system.RUN:
            assert package in text

    def test_the_database_is_prepared_as_the_code_expects_it(self):
        text = (CHECKOUT / "deploy/postgresql.sql").read_text("utf-8")
        for extension in roles.EXTENSIONS:
            assert f"CREATE EXTENSION IF NOT EXISTS {extension};" in text
        for role in (roles.OWNER, roles.APPLICATION):
            assert f"CREATE ROLE {role} LOGIN" in text

    def commands_of_the_launcher(self, tmp_path: Path) -> dict[str, tuple[str, ...]]:
        """What each process runs, without Python and without the options of a demonstration."""
        folder = plan.Folder(tmp_path, None, (tmp_path / "lock").open("a+"), {})
        options = plan.Options(port=8000, mllp_port=2575, state=tmp_path)
        with folder.lock:
            programs = plan.programs(folder, options, {"DPI_AUDIT_KEY": "x"})
        return {program.name: program.command[1:] for program in programs}

    def test_the_units_run_the_processes_of_the_launcher(self, tmp_path):
        units = CHECKOUT / "deploy" / "systemd"
        for name, command in self.commands_of_the_launcher(tmp_path).items():
            start = unit_value(units / f"dpi-{name}.service", "ExecStart")
            assert essence(command) == essence(shlex.split(start)[1:]), name

    def test_the_containers_run_the_processes_of_the_launcher(self, tmp_path):
        services = compose()["services"]
        for name, command in self.commands_of_the_launcher(tmp_path).items():
            assert essence(command) == essence(services[name]["command"]), name

    def test_only_the_sealer_gets_the_key_of_the_chain(self):
        units = CHECKOUT / "deploy" / "systemd"
        holders = [unit.name for unit in units.glob("*.service") if "AUDIT_KEY" in unit.read_text("utf-8")]
        assert holders == ["dpi-sealer.service"]
        with_key = [name for name, row in compose()["services"].items() if "audit-key" in str(row)]
        assert with_key == ["sealer"]

    def test_every_unit_of_the_target_exists(self):
        units = CHECKOUT / "deploy" / "systemd"
        wanted = unit_value(units / "dpi.target", "Wants").split()
        assert sorted(wanted) == sorted(f"dpi-{name}.service" for name in PROCESSES)
        assert all((units / name).exists() for name in wanted)

    def test_variables_of_the_examples_are_settings(self):
        lines = (CHECKOUT / "deploy/dpi.env").read_text("utf-8").splitlines()
        named = {line.lstrip("# ").partition("=")[0] for line in lines if re.match(r"(# )?[A-Z_]+=", line)}
        assert {name.removesuffix("_FILE") for name in named} <= set(env.declared)

    @pytest.mark.django_db
    def test_the_description_of_an_establishment_runs_as_it_is_shown(self, monkeypatch):
        from accounts.models import Assignment
        from establishment.models import Unit
        from exchange.models import Partner

        monkeypatch.setenv("DPI_FIRST_PASSWORD", "rivage-lanterne-29-Ocre")
        script = (CHECKOUT / "docs/exemples/etablissement.py").read_text("utf-8")
        for _ in range(2):  # a second run changes nothing
            exec(compile(script, "etablissement.py", "exec"), {})  # noqa: S102 - our own example
        assert Unit.objects.count() == 1
        assert Partner.objects.filter(uses_tls=True, listen_port=settings.MLLP_PORT).count() == 1
        assert {row.role.code for row in Assignment.objects.select_related("role")} == {
            RoleCode.ADMIN_FONCTIONNEL,
            RoleCode.PRESCRIPTEUR,
        }


def unit_value(unit: Path, name: str) -> str:
    text = unit.read_text("utf-8").replace("\\\n", " ")
    found = re.search(rf"^{name}=(.*)$", text, re.M)
    assert found is not None, (unit.name, name)
    return found[1]


def essence(command: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """The program and its words: options that size a process, and where it listens, are each one's own."""
    sized = ("--bind", "--workers", "--threads", "--concurrency", "--processes", "--max-requests")
    words = [word.rpartition("/")[2] if word.endswith("manage.py") else word for word in command]
    return tuple(word for word in words if not word.startswith(sized))


def compose() -> dict:
    return yaml.safe_load((CHECKOUT / "deploy/compose/compose.yaml").read_text("utf-8"))


class TestDecisions:
    def test_decisions_are_numbered_without_a_hole_and_say_their_three_parts(self):
        files = sorted((CHECKOUT / "docs" / "adr").glob("*.md"))
        assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
        for file in files:
            text = file.read_text("utf-8")
            assert text.startswith(f"# {int(file.name[:4])}. "), file.name
            titles = re.findall(r"^## (.+)$", text, re.M)
            assert titles == ["Context", "Choice", "Consequences"], file.name
