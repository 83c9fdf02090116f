"""People of a directory in memory, plugged where the product opens the real one."""

from __future__ import annotations

import pytest

from national.annuaire.memory import DirectoryMemory
from national.annuaire.ports import DirectoryRow

CLAIRE = DirectoryRow(
    rpps="99700901244",
    title="DR",
    family="BERNARD",
    given="Claire",
    profession="Médecin",
    profession_code="10",
    specialty="Qualifié en Médecine Générale (SM)",
    specialty_code="SM26",
    structure="MAISON DE SANTE DES TILLEULS",
    finess="990000911",
    street="4 rue des Tilleuls",
    postal_code="99100",
    city="TROIS-RIVIERES",
    address="claire.bernard@medecin.mssante.test",
    kind="PER",
    dematerialised=True,
)
WITHOUT = DirectoryRow(rpps="99700901277", title="DR", family="BERNARDIN", given="Nathan", finess="990000911")
CLINIC = DirectoryRow(
    structure="CLINIQUE DE L'ESTUAIRE",
    finess="990000945",
    postal_code="99300",
    city="PORT-MARIN",
    address="secretariat.estuaire@medecin.mssante.test",
    kind="ORG",
    label="Secrétariat",
    dematerialised=False,
)


def plug_directory(
    monkeypatch: pytest.MonkeyPatch, rows: tuple[DirectoryRow, ...] = (CLAIRE, WITHOUT, CLINIC)
) -> DirectoryMemory:
    """A directory that answers from memory wherever the mail room opens one."""
    memory = DirectoryMemory(list(rows))
    monkeypatch.setattr("mssante.services.directory.national_directory", lambda: memory)
    return memory
