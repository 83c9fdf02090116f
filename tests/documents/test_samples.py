"""Every kind of document the product produces, judged by the national tools."""

import shutil

import pytest
from django.core.management import CommandError, call_command

from documents.samples import samples
from documents.writing import WRITING_MODELS
from tests.documents.preflight import preflight
from tests.interop.cda.official import check_cda


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    call_command("cda_samples", str(folder / "all"), verbosity=0)
    return folder / "all"


def test_the_samples_hold_every_model_status_version_and_answer():
    snapshots = {sample.name: sample.snapshot for sample in samples()}
    assert len(snapshots) == len(list(samples()))
    assert {snapshot["document"]["model"] for snapshot in snapshots.values()} == set(WRITING_MODELS)
    statuses = {snapshot["patient"]["identity_status"] for snapshot in snapshots.values()}
    assert statuses == {"PROV", "RECUP", "VALI", "QUAL"}
    assert {snapshot["document"]["number"] for snapshot in snapshots.values()} == {1, 2, 3}
    for model in WRITING_MODELS.values():
        for section in model.sections:
            answers = {snapshot["body"][section.key] for snapshot in snapshots.values() if section.options}
            assert answers >= {option.value for option in section.options}


@pytest.mark.slow
@pytest.mark.requirement("HOP/va1.03", "SC.CDA/DD.02", "F-DPI-05")
def test_every_sample_passes_the_national_schematrons_and_preflight(written, shared, tmp_path):
    papers = tmp_path / "papers"
    papers.mkdir()
    for paper in written.glob("*.pdf"):
        shutil.copy(paper, papers)
    assert check_cda(*written.glob("*.xml")) == ""
    judged = preflight(papers)
    assert len(judged) == len(list(samples()))
    assert [name for name, is_valid in judged.items() if not is_valid] == []


def test_a_folder_that_cannot_be_written_stops_the_command_with_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="Écriture impossible"):
        call_command("cda_samples", str(tmp_path / "file" / "below"))
