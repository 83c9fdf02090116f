"""What a new draft takes from the record, and what it never invents."""

import pytest

from documents.prefill import NO_KNOWN_ALLERGY, prefilled
from documents.writing import LDL_SES, Section, WritingModel
from patients.enums import AlertKind, AlertState
from patients.selectors import AlertLine


def line(state, *labels, kind=AlertKind.ALLERGY):
    return AlertLine(kind, state, labels)


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ([], {}),
        ([line(AlertState.NOT_RECORDED)], {}),
        ([line(AlertState.NONE_KNOWN)], {"allergies": NO_KNOWN_ALLERGY}),
        ([line(AlertState.KNOWN, "Pénicilline")], {"allergies": "Pénicilline"}),
        ([line(AlertState.KNOWN, "Pénicilline", "Latex")], {"allergies": "Pénicilline\nLatex"}),
        ([line(AlertState.KNOWN, "BMR", kind=AlertKind.INFECTION_RISK)], {}),
        (
            [line(AlertState.KNOWN, "BMR", kind=AlertKind.OTHER), line(AlertState.NONE_KNOWN)],
            {"allergies": NO_KNOWN_ALLERGY},
        ),
    ],
)
def test_allergies_are_taken_as_recorded_and_unknown_is_never_none(alerts, expected):
    assert prefilled(LDL_SES, alerts) == expected


def test_a_model_without_the_heading_takes_nothing():
    model = WritingModel("x", "34133-9", "x", "x", (Section("motif", "Motif"),))
    assert prefilled(model, [line(AlertState.NONE_KNOWN)]) == {}
