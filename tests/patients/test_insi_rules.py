"""What INSi is asked, in which order, and what its answer allows (spec ins 11.3, 3, 7.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.ins.codes import PRODUCTION_INS_OIDS
from interop.ins.key import Ins
from interop.ins.traits import Trait
from interop.insi.answer import Person, parse_result
from interop.insi.codes import ResultCode
from interop.soap.envelope import parse_envelope
from patients.rules.insi import (
    MAX_ATTEMPTS,
    Asking,
    Attempt,
    HeldIdentity,
    Unacceptable,
    code_of,
    next_attempt,
    proposal_of,
)
from tests.interop.insi import samples

FOUND, NOBODY, SEVERAL = ResultCode.FOUND, ResultCode.NOBODY, ResultCode.SEVERAL
HELD = HeldIdentity("ADRUN", "ZOE", "ZOE", "F", date(1975, 12, 31), "63220", None)
MATRICULE = Ins("275126322074974", samples.NIR)


def person_of(sample: bytes) -> Person:
    person = parse_result(parse_envelope(sample).body).person
    assert person is not None
    return person


def asked(asking: Asking, answers: dict[Attempt, ResultCode]) -> list[Attempt]:
    """Every search made, nobody where nothing is told."""
    done: list[tuple[Attempt, ResultCode]] = []
    while (attempt := next_attempt(asking, done)) is not None:
        done.append((attempt, answers.get(attempt, NOBODY)))
    return [attempt for attempt, _ in done]


@pytest.mark.requirement("INS/va1.15")
class TestSearches:
    asking = Asking("A", "A B C", has_place=True)

    def test_each_given_name_is_tried_then_the_list(self) -> None:
        assert asked(self.asking, {}) == [Attempt((name,)) for name in ("A", "B", "C", "A B C")]

    def test_one_given_name_is_one_search(self) -> None:
        assert asked(Asking("A", "", has_place=False), {}) == [Attempt(("A",))]
        assert asked(Asking("A", "A", has_place=False), {}) == [Attempt(("A",))]

    def test_the_first_that_finds_is_the_last(self) -> None:
        assert asked(self.asking, {Attempt(("B",)): FOUND}) == [Attempt(("A",)), Attempt(("B",))]

    def test_several_are_told_apart_by_the_other_given_names_then_by_the_place(self) -> None:
        several = dict.fromkeys((Attempt(("A",)), Attempt(("A", "B")), Attempt(("A", "B", "C"))), SEVERAL)

        assert asked(self.asking, several) == [
            Attempt(("A",)),
            Attempt(("A", "B")),
            Attempt(("A", "B", "C")),
            Attempt(("A", "B", "C"), with_place=True),
        ]

    def test_a_given_name_that_finds_nobody_is_not_kept(self) -> None:
        made = asked(self.asking, {Attempt(("A",)): SEVERAL, Attempt(("A", "C")): SEVERAL})

        assert made == [
            Attempt(("A",)),
            Attempt(("A", "B")),
            Attempt(("A", "C")),
            Attempt(("A", "C"), with_place=True),
        ]

    def test_the_place_never_goes_first(self) -> None:
        assert not any(attempt.with_place for attempt in asked(self.asking, {}))

    @given(
        words=st.lists(st.sampled_from("ABCDEFGHIJKLM"), min_size=1, max_size=12),
        codes=st.lists(st.sampled_from([NOBODY, SEVERAL]), min_size=30, max_size=30),
        place=st.booleans(),
    )
    def test_it_ends_and_asks_nothing_twice(
        self, words: list[str], codes: list[ResultCode], place: bool
    ) -> None:
        asking, done = Asking(words[0], " ".join(words), has_place=place), []
        while (attempt := next_attempt(asking, done)) is not None:
            done.append((attempt, codes[len(done)]))
        attempts = [attempt for attempt, _ in done]
        assert len(set(attempts)) == len(attempts) <= MAX_ATTEMPTS

    @pytest.mark.parametrize(
        ("codes", "code"),
        [
            ([NOBODY], NOBODY),
            ([NOBODY, FOUND], FOUND),
            ([SEVERAL, NOBODY], SEVERAL),
            ([SEVERAL, FOUND], FOUND),
        ],
    )
    def test_several_found_is_not_said_to_be_nobody(self, codes: list[ResultCode], code: ResultCode) -> None:
        assert code_of([(Attempt((str(i),)), one) for i, one in enumerate(codes)]) is code


def propose(sample: bytes, held: HeldIdentity = HELD) -> object:
    return proposal_of(person_of(sample), held, allowed_oids=PRODUCTION_INS_OIDS)


@pytest.mark.requirement("INS/va1.15")
class TestAnswers:
    def test_the_same_person_completes_the_matricule(self) -> None:
        proposal = propose(samples.ADRUN)

        assert proposal.differing == frozenset()
        assert proposal.completed == {Trait.INS_MATRICULE, Trait.INS_OID}
        assert proposal.ins == MATRICULE
        assert proposal.traits.first_birth_given_name == "ZOE"
        assert not proposal.confirms

    def test_the_same_person_under_the_same_matricule_is_confirmed(self) -> None:
        assert propose(samples.ADRUN, replace(HELD, ins=MATRICULE)).confirms

    @pytest.mark.parametrize(
        ("change", "trait"),
        [
            ({"birth_name": "ADRUN-X"}, Trait.BIRTH_NAME),
            ({"birth_name": "ADRÛN"}, Trait.BIRTH_NAME),
            ({"given_names": "ZOE ANNE"}, Trait.BIRTH_GIVEN_NAMES),
            ({"first_given_name": "ANNE"}, Trait.FIRST_BIRTH_GIVEN_NAME),
            ({"sex": "M"}, Trait.SEX),
            ({"birth_date": date(1975, 12, 30)}, Trait.BIRTH_DATE),
            ({"birth_place_cog": "75056"}, Trait.BIRTH_PLACE_COG),
            ({"ins": Ins("275126322074974", samples.NIA)}, Trait.INS_OID),
            ({"ins": Ins("297022A02077878", samples.NIR)}, Trait.INS_MATRICULE),
        ],
    )
    def test_each_trait_that_differs_is_named(self, change: dict[str, object], trait: Trait) -> None:
        proposal = propose(samples.ADRUN, replace(HELD, **{"ins": MATRICULE} | change))

        assert trait in proposal.differing
        assert not proposal.confirms

    def test_a_trait_that_we_lack_is_completed(self) -> None:
        proposal = propose(samples.ADRUN, replace(HELD, given_names="", birth_place_cog=""))

        assert {Trait.BIRTH_GIVEN_NAMES, Trait.BIRTH_PLACE_COG} <= proposal.completed
        assert proposal.differing == frozenset()

    def test_a_place_that_insi_does_not_say_leaves_ours(self) -> None:
        proposal = propose(samples.NO_PLACE)

        assert proposal.traits.birth_place_cog == "63220"
        assert not proposal.differing and not proposal.unacceptable

    def test_a_first_given_name_of_two_words_is_kept_when_it_heads_the_list(self) -> None:
        held = HeldIdentity(
            "ECETINSI",
            "PIERRE-ALAIN MURIEL",
            "PIERRE-ALAIN MURIEL FLORIANT",
            "M",
            date(2009, 7, 14),
            "",
            None,
        )
        silent = samples.ECETINSI.replace(b"<Prenom>PIERRE-ALAIN</Prenom>", b"")

        assert propose(silent, held).traits.first_birth_given_name == "PIERRE-ALAIN MURIEL"

    @pytest.mark.parametrize(
        ("sample", "why"),
        [
            (samples.NO_KEY, Unacceptable.INCOMPLETE),
            (samples.ADRUN.replace(b"<Sexe>F</Sexe>", b""), Unacceptable.INCOMPLETE),
            (samples.ADRUN.replace(b"<ListePrenom>ZOE</ListePrenom>", b""), Unacceptable.INCOMPLETE),
            (samples.ADRUN.replace(b"ADRUN", b""), Unacceptable.INCOMPLETE),
            (samples.ADRUN.replace(b"1975-12-31", b"1975-00-00"), Unacceptable.DATE),
            (samples.ADRUN.replace(b"4.8<", b"4.10<"), Unacceptable.AUTHORITY),
            (samples.ADRUN.replace(b"4.8<", b"4.2<"), Unacceptable.AUTHORITY),
        ],
    )
    def test_an_answer_with_a_hole_is_never_taken(self, sample: bytes, why: Unacceptable) -> None:
        proposal = propose(sample)

        assert (proposal.unacceptable, proposal.traits) == (why, None)
        assert not proposal.confirms

    def test_a_nia_is_taken_as_such(self) -> None:
        assert propose(samples.PROVISOIRE).ins == Ins("109076322088835", samples.NIA)

    def test_a_history_of_another_authority_is_left_in_the_answer(self) -> None:
        foreign = samples.HERMANN.replace(
            b"2810363220456</NumIdentifiant><Cle>10</Cle></IdIndividu><OID>1.2.250.1.213.1.4.8",
            b"2810363220456</NumIdentifiant><Cle>10</Cle></IdIndividu><OID>1.2.250.1.213.1.4.2",
        )

        assert propose(samples.HERMANN).history == (Ins("281036322045610", samples.NIR),)
        assert propose(foreign).history == ()
