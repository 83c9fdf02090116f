"""One thing of each name, made again when its key changes."""

import pytest

from national.kept import Kept


class Line:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def broken() -> Line:
    raise OSError("no certificate")


def test_it_is_made_once_for_each_name_and_again_for_another_key():
    kept: Kept[Line] = Kept()
    first, other = kept.get("a", Line), kept.get("a", Line, name="box")
    assert kept.get("a", broken) is first is not other
    second = kept.get("b", Line)
    assert (second is first, first.is_closed, other.is_closed) == (False, True, False)


def test_the_former_one_stays_when_the_new_one_cannot_be_made():
    kept: Kept[Line] = Kept()
    first = kept.get("a", Line)
    with pytest.raises(OSError):
        kept.get("b", broken)
    assert kept.get("a", broken) is first and not first.is_closed


def test_all_are_closed_and_made_again():
    kept: Kept[Line] = Kept()
    held = [kept.get("a", Line, name=name) for name in ("", "box")]
    kept.close()
    assert [one.is_closed for one in held] == [True, True]
    assert kept.get("a", Line) not in held
