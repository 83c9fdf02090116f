"""Typed reading of the environment: a bad value stops the start with a sentence that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpi.settings import env


@pytest.fixture(autouse=True)
def declared_elsewhere(monkeypatch):
    """What these tests read is no setting of the product: the list of settings stays as it was."""
    monkeypatch.setattr(env, "declared", {})


@pytest.mark.parametrize(("written", "read"), [("true", True), ("Oui", True), ("0", False), ("off", False)])
def test_a_flag_is_read_in_words_or_digits(monkeypatch, written, read):
    monkeypatch.setenv("DPI_X", written)
    assert env.flag("DPI_X", not read) is read


def test_a_flag_that_is_neither_stops_with_its_name(monkeypatch):
    monkeypatch.setenv("DPI_X", "maybe")
    with pytest.raises(env.BadSetting, match="DPI_X vaut « maybe »"):
        env.flag("DPI_X", False)


@pytest.mark.parametrize("written", ["12a", "-1", "70000", "1.5"])
def test_a_number_out_of_bounds_stops(monkeypatch, written):
    monkeypatch.setenv("DPI_X", written)
    with pytest.raises(env.BadSetting, match="DPI_X"):
        env.integer("DPI_X", 1, maximum=65535)


def test_an_absent_variable_takes_its_default_and_a_blank_one_too(monkeypatch):
    monkeypatch.delenv("DPI_X", raising=False)
    assert env.integer("DPI_X", 7) == 7
    monkeypatch.setenv("DPI_X", "  ")
    assert env.integer("DPI_X", 7) == 7


def test_a_required_variable_that_is_absent_stops(monkeypatch):
    monkeypatch.delenv("DPI_X", raising=False)
    with pytest.raises(env.BadSetting, match="DPI_X n'est pas définie"):
        env.text("DPI_X")


def test_a_choice_outside_the_list_stops(monkeypatch):
    monkeypatch.setenv("DPI_X", "loud")
    with pytest.raises(env.BadSetting, match="valeurs admises INFO, ERROR"):
        env.text("DPI_X", "INFO", choices=("INFO", "ERROR"))


def test_a_list_is_separated_by_commas(monkeypatch):
    monkeypatch.setenv("DPI_X", "a, b,, c ")
    assert env.words("DPI_X") == ["a", "b", "c"]


def test_words_have_a_meaning_each(monkeypatch):
    monkeypatch.setenv("DPI_X", "VALIDE=valid, CADUQUE = expired ,")
    assert env.pairs("DPI_X", {}, values=("valid", "expired")) == {"VALIDE": "valid", "CADUQUE": "expired"}
    monkeypatch.delenv("DPI_X")
    assert env.pairs("DPI_X", {"A": "valid"}, values=("valid",)) == {"A": "valid"}


@pytest.mark.parametrize("written", ["VALIDE", "VALIDE=maybe", "=valid"])
def test_a_word_without_a_known_meaning_stops(monkeypatch, written):
    monkeypatch.setenv("DPI_X", f"A=valid,{written}")
    with pytest.raises(env.BadSetting, match="valeurs admises expired, valid"):
        env.pairs("DPI_X", {}, values=("valid", "expired"))


def test_names_keep_their_default_value_until_they_are_given_another(monkeypatch):
    monkeypatch.setenv("DPI_X", "b = urn:x:y=z ,")
    assert env.named("DPI_X", {"a": "1", "b": "2"}) == {"a": "1", "b": "urn:x:y=z"}
    monkeypatch.delenv("DPI_X")
    assert env.named("DPI_X", {"a": "1"}) == {"a": "1"}


@pytest.mark.parametrize("written", ["c=3", "a", "a=", "=1"])
def test_a_name_that_nobody_knows_or_without_value_stops(monkeypatch, written):
    monkeypatch.setenv("DPI_X", f"b=4,{written}")
    with pytest.raises(env.BadSetting, match="noms admis a, b"):
        env.named("DPI_X", {"a": "1", "b": "2"})


def test_an_address_of_another_scheme_stops(monkeypatch):
    monkeypatch.setenv("DPI_X", "http://service.example/")
    with pytest.raises(env.BadSetting, match="https attendu"):
        env.url("DPI_X")
    assert env.url("DPI_X", schemes=("http",)) == "http://service.example/"


class TestSecret:
    def test_comes_from_the_variable(self, monkeypatch):
        monkeypatch.setenv("DPI_X", "s3cret")
        assert env.secret("DPI_X") == "s3cret"

    def test_comes_from_the_named_file(self, monkeypatch, tmp_path: Path):
        (tmp_path / "secret").write_text("from-file\n")
        monkeypatch.delenv("DPI_X", raising=False)
        monkeypatch.setenv("DPI_X_FILE", str(tmp_path / "secret"))
        assert env.secret("DPI_X") == "from-file"

    def test_given_twice_stops(self, monkeypatch, tmp_path: Path):
        monkeypatch.setenv("DPI_X", "a")
        monkeypatch.setenv("DPI_X_FILE", str(tmp_path))
        with pytest.raises(env.BadSetting, match="gardez-en une"):
            env.secret("DPI_X")

    @pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
    def test_in_an_unusable_file_stops_without_quoting_it(self, monkeypatch, tmp_path: Path, content):
        file = tmp_path / "secret"
        if content is not None:
            file.write_bytes(content)
        monkeypatch.delenv("DPI_X", raising=False)
        monkeypatch.setenv("DPI_X_FILE", str(file))
        with pytest.raises(env.BadSetting, match="DPI_X_FILE"):
            env.secret("DPI_X", "unused default")


class TestDatabase:
    def test_address_of_a_server(self, monkeypatch):
        monkeypatch.setenv("DPI_X", "postgresql://dpi_app:p%40ss@db.example:5433/dpi?sslmode=verify-full")
        entry = env.database("DPI_X")
        assert (entry["USER"], entry["PASSWORD"]) == ("dpi_app", "p@ss")
        assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example", "5433", "dpi")
        assert entry["OPTIONS"] == {"sslmode": "verify-full"}

    def test_address_of_a_socket(self, monkeypatch):
        monkeypatch.setenv("DPI_X", "postgresql://dpi_app:x@/dpi?host=/run/postgresql")
        entry = env.database("DPI_X")
        assert (entry["HOST"], entry["PORT"], entry["OPTIONS"]) == ("/run/postgresql", "", {})

    @pytest.mark.parametrize("written", ["sqlite:///db", "postgresql://host/", "dpi", "postgres://h:x/dpi"])
    def test_another_engine_or_half_an_address_stops_without_quoting_it(self, monkeypatch, written):
        monkeypatch.setenv("DPI_X", written)
        with pytest.raises(env.BadSetting, match="DPI_X") as error:
            env.database("DPI_X")
        assert written not in str(error.value)


def test_a_socket_of_the_broker_is_written_the_way_kombu_wants():
    assert env.celery_broker("unix://:pw@/run/s/valkey.sock?db=3") == (
        "redis+socket://:pw@/run/s/valkey.sock?virtual_host=3"
    )
    assert env.celery_broker("rediss://:pw@host:6380/1") == "rediss://:pw@host:6380/1"
