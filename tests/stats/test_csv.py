"""The file: layout, quoting, completeness, harmlessness (stats 4, 7)."""

import csv
import io
from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command

from audit.models import Trace
from establishment.models import LegalEntity, Site
from stats.csv_layout import COLUMNS, line_of
from stats.definitions import INDICATORS
from stats.enums import DocType, Measure
from stats.rules.figures import Figure, Key, Ratio
from stats.rules.months import Month, Period
from stats.selectors.exporting import Wanted, csv_lines, file_facts, file_name
from tests.stats.world import APRIL, EJ, MARCH, A, B, day

NOW = day("04-15 08:00")
WHOLE = Period(Month(2024, 1), APRIL)
SAMPLE = (
    '"Version du format";"Date d\'extraction";"FINESS juridique";"FINESS géographique";"Établissement";'
    '"Période";"Début de période";"Fin de période";"Chapitre";"Code indicateur";"Indicateur";'
    '"Code type de document";"Type de document";"Codes LOINC";"Code profession";"Profession";"Service";'
    '"Volet";"Année du document";"Unité";"Valeur";"Numérateur";"Dénominateur";"Taux (%)"\r\n',
    '"1.0";"2025-04-15T08:00:00+02:00";"010000001";"010000011";"Site A";"2025-03";"2025-03-01";"2025-03-31";'
    '"ALI";"ALI_DMP_FLUX_OK";"Nombre de lettres de liaison transmises au DMP (en flux) - réussi";"LDL";'
    '"Lettre de liaison à la sortie d\'un établissement de soins";"11490-0";"";"";"";"";"";"NB";1;;;\r\n',
    '"1.0";"2025-04-15T08:00:00+02:00";"010000001";"010000011";"Site A";"2025-03";"2025-03-01";"2025-03-31";'
    '"ALI";"ALI_DMP_TX_SEJ";"Taux de séjours d\'hospitalisation clôturés pour lesquels la lettre de liaison '
    'a été versée au DMP";"LDL";"Lettre de liaison à la sortie d\'un établissement de soins";"11490-0";"";"";'
    '"";"";"";"PCT";;2;3;66,67\r\n',
)
"""The sample of the specification, character by character (stats 4)."""


def exported(**wanted):
    return "".join(csv_lines(Wanted(**({"period": WHOLE} | wanted)), NOW))


def rows_of(text):
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";"))


@pytest.mark.requirement("SC.STAT/ES.01", "F-PV-29")
def test_the_lines_of_the_specification_to_the_character(world):
    first, second, third = (world.stay(exit=f"03-0{number}") for number in (2, 3, 4))
    world.letter(first, "ok 03-06")
    world.letter(second, "ok 04-02")
    world.letter(third, "KO 03-31")

    lines = list(csv_lines(Wanted(WHOLE), NOW))

    assert lines[0] == "\ufeff" + SAMPLE[0]
    assert SAMPLE[1] in lines
    assert SAMPLE[2] in lines


@pytest.mark.requirement("SC.STAT/ES.01", "F-PV-31")
def test_every_month_of_both_years_has_every_site_indicator_and_type(world):
    rows = rows_of(exported())

    assert len(COLUMNS) == 24
    assert {row["Période"] for row in rows} == {month.text for month in WHOLE}
    assert {row["FINESS géographique"] for row in rows} == {A, B, "TOUS"}
    assert {row["Code indicateur"] for row in rows} == {one.code for one in INDICATORS}
    for name in ("LDL", "CRO", "PRESC", "CRCONS"):
        found = [
            row
            for row in rows
            if row["Code indicateur"] == "ALI_DMP_FLUX_KO" and row["Code type de document"] == name
        ]
        assert len(found) == 3 * len(WHOLE)
        assert {row["Valeur"] for row in found} == {"0"}
    key = (
        "FINESS géographique", "Période", "Code indicateur", "Code type de document", "Codes LOINC",
        "Code profession", "Service", "Volet", "Année du document",
    )  # fmt: skip
    assert len({tuple(row[name] for name in key) for row in rows}) == len(rows)
    order = ("FINESS géographique", "Période", "Chapitre", "Code indicateur", "Code type de document")
    places = [tuple(row[name] for name in order) for row in rows]
    assert places == sorted(places)
    for row in rows:
        is_rate = row["Unité"] == Measure.RATE
        assert bool(row["Valeur"]) != is_rate
        assert bool(row["Dénominateur"]) == is_rate
        assert row["Service"] == ""


def test_the_same_data_give_the_same_bytes_but_for_the_date_of_extraction(world):
    stay = world.stay(exit="03-05")
    world.letter(stay, "ok 03-06")
    world.letter(stay, "KO 03-06")

    once, again = exported(), exported()
    later = "".join(csv_lines(Wanted(WHOLE), NOW + timedelta(hours=1)))

    assert once == again
    assert later.replace("2025-04-15T09:00:00", "2025-04-15T08:00:00") == once


def test_one_site_alone_has_its_lines_and_no_union(world):
    rows = rows_of(exported(finess=A, period=Period(MARCH, MARCH)))
    assert {row["FINESS géographique"] for row in rows} == {A}
    assert {row["Période"] for row in rows} == {"2025-03"}


@pytest.mark.requirement("F-PV-31")
def test_services_are_lines_of_their_own_when_asked_for(world):
    stay = world.stay(exit="03-05")
    world.letter(stay, "ok 03-06")

    rows = rows_of(exported(by_service=True, period=Period(MARCH, MARCH)))

    found = [row for row in rows if row["Service"] == "U-A" and row["Code type de document"] == "LDL"]
    values = {row["Code indicateur"]: (row["Valeur"], row["Numérateur"], row["Taux (%)"]) for row in found}
    assert values["ALI_DMP_FLUX_OK"] == ("1", "", "")
    assert values["ALI_DMP_TX_SEJ"] == ("", "1", "100,00")
    assert values["MSSPAT_TX_PAT"] == ("", "0", "0,00")
    without = [row for row in rows if not row["Service"]]
    assert without == rows_of(exported(period=Period(MARCH, MARCH)))


def test_what_belongs_to_no_site_is_written_and_never_dropped(world):
    stay = world.stay(exit="03-05")
    document = world.document(stay)
    document.unit = None
    document.save()
    world.order(document, "ok 03-06")
    stay.unit = None
    stay.save()

    rows = rows_of(exported(period=Period(MARCH, MARCH)))

    lost = {
        row["Code indicateur"]: row
        for row in rows
        if (row["FINESS géographique"], row["Code type de document"]) == ("INCONNU", "LDL")
    }
    assert lost["ALI_DMP_FLUX_OK"]["Valeur"] == "1"
    assert lost["ALI_DMP_TX_SEJ"]["Taux (%)"] == "100,00"
    assert lost["ALI_DMP_TX_SEJ"]["Établissement"] == "Unité sans FINESS"


class TestCells:
    @pytest.mark.parametrize("name", ["=1+1", "+SUM(A1)", "-2", "@cmd", "\tx", "\rx"])
    def test_a_name_that_a_spreadsheet_would_run_is_read_as_text(self, world, name):
        Site.objects.filter(finess=A).update(name=name)
        line = line_of(Figure(Key(A, MARCH, "ALI_DMP_FLUX_OK", doc_type="LDL"), value=1), file_facts(NOW))
        assert f'"\'{name}"' in line

    def test_quotes_and_separators_stay_inside_their_cell(self, world):
        Site.objects.filter(finess=A).update(name='Site "A" ; annexe\nnord')
        row = rows_of(exported(finess=A, period=Period(MARCH, MARCH)))[0]
        assert row["Établissement"] == 'Site "A" ; annexe\nnord'

    def test_rates_take_the_separator_of_the_hospital(self, world, settings):
        settings.STATS_DECIMAL_COMMA = False
        figure = Figure(Key(A, MARCH, "ALI_DMP_TX_SEJ", doc_type="LDL"), ratio=Ratio(2, 3))
        assert line_of(figure, file_facts(NOW)).endswith(";2;3;66.67\r\n")

    def test_codes_of_a_type_are_those_of_the_mapping_in_force(self, world, settings):
        settings.STATS_TYPE_CODES = ["34749-2=CRCONS"]
        figure = Figure(Key(A, MARCH, "ALI_DMP_FLUX_OK", doc_type="CRCONS"), value=0)
        assert ';"11488-4|34749-2";' in line_of(figure, file_facts(NOW))
        figure = Figure(Key(A, MARCH, "ALI_DMP_FLUX_OK", doc_type=DocType.AUTRE), value=0)
        assert "Nombre d'autres documents transmis au DMP" in line_of(figure, file_facts(NOW))

    def test_a_type_of_the_dmp_has_its_code_and_its_official_label(self, world):
        figure = Figure(Key(A, MARCH, "CON_DMP_TX_SEJ", type_code="11502-2"), ratio=Ratio(1, 2))
        line = line_of(figure, file_facts(NOW))
        assert '"11502-2"' in line
        assert "CR d'examens biologiques" in line


def test_the_file_opens_with_a_table_reader(world):
    """pandas is not of the project; what it needs is one header, one width, text kept as text."""
    rows = list(csv.reader(io.StringIO(exported().removeprefix("\ufeff"), newline=""), delimiter=";"))
    assert {len(row) for row in rows} == {24}
    place = rows[0].index("FINESS géographique")
    assert {row[place] for row in rows[1:]} == {A, B, "TOUS"}


def test_another_layout_replaces_the_columns_and_nothing_else(world, settings):
    settings.STATS_CSV_LAYOUT = "tests.stats.other_layout"
    lines = list(csv_lines(Wanted(Period(MARCH, MARCH), finess=A), NOW))
    assert lines[0] == "\ufefffiness,code\r\n"
    assert lines[1].startswith(f"{A},ALI_DMP_FLUX_KO")


class TestCommand:
    @pytest.fixture(autouse=True)
    def _in_april(self):
        with time_machine.travel(NOW, tick=False):
            yield

    def test_it_writes_the_named_file_and_leaves_a_trace(self, world, tmp_path, capsys):
        call_command("stats_export", str(tmp_path), "--from", "2025-03", "--to", "2025-03")
        path = tmp_path / f"indicateurs_{EJ}_2025-04-15.csv"
        assert capsys.readouterr().out.strip() == str(path)
        assert path.read_bytes() == exported(period=Period(MARCH, MARCH)).encode()
        trace = Trace.objects.get(type="stats.export")
        assert trace.actor_login == "stats_export"
        assert trace.detail == {"from": "2025-03", "to": "2025-03", "finess": "", "by_service": False}

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--from", "2025-04", "--to", "2025-03"], "précède"),
            (["--finess", "999999999"], "Aucun site"),
            (["--from", "mars"], "n'est pas un mois"),
        ],
    )
    def test_it_says_what_it_does_not_understand(self, world, tmp_path, arguments, words):
        with pytest.raises(CommandError, match=words):
            call_command("stats_export", str(tmp_path), *arguments)
        assert list(tmp_path.iterdir()) == []

    def test_it_says_that_the_folder_cannot_be_written(self, world, tmp_path):
        with pytest.raises(CommandError, match="ne peut être écrit"):
            call_command("stats_export", str(tmp_path / "absent"))

    def test_it_says_that_the_hospital_is_not_described(self, db, tmp_path):
        assert not LegalEntity.objects.exists()
        with pytest.raises(CommandError, match="pas décrit"):
            call_command("stats_export", str(tmp_path))


def test_the_name_of_the_file_has_the_local_day(world):
    assert file_name(day("03-31 23:59")) == f"indicateurs_{EJ}_2025-03-31.csv"
    assert file_name(day("04-01 00:01")) == f"indicateurs_{EJ}_2025-04-01.csv"


def test_no_trait_of_a_patient_is_in_the_file(world):
    stay = world.stay(exit="03-05")
    world.letter(stay, "ok 03-06")
    text = exported(by_service=True)
    assert stay.patient.birth_name not in text
    assert stay.visit_number not in text
    assert stay.patient.identifiers.first().value not in text
