"""Mutated messages: whatever a partner sends, a reader answers with a value or with an `Hl7Error`."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interop.hl7v2 import (
    AckCode,
    Action,
    Hl7Error,
    MdmRules,
    Message,
    Profile,
    ZamKind,
    build_ack,
    build_adt,
    build_lps,
    build_mdm,
    build_oru,
    build_zam,
    parse_adt,
    parse_lps,
    parse_mdm,
    parse_message,
    parse_zam,
    peek_header,
)
from interop.hl7v2.ack import read_ack
from tests.interop.hl7v2.samples import (
    SENT_AT,
    acknowledgement,
    admission,
    order,
    oru_order,
    received_by_mail,
)

Reader = Callable[[Message], Any]


def lenient(message: Message) -> Any:
    return parse_mdm(message, MdmRules(profile=Profile.V12))


ACK = build_ack(admission().header, code=AckCode.AA, control_id="1", sent_at=SENT_AT)
READERS: dict[str, tuple[bytes, Reader]] = {
    "adt": (build_adt(admission()), parse_adt),
    "mdm": (build_mdm(order(Action.REPLACE)), parse_mdm),
    "oru": (build_oru(oru_order()), parse_mdm),
    "mdm lenient": (build_mdm(order()), lenient),
    "lps": (build_lps(received_by_mail()), parse_lps),
    "zam": (build_zam(acknowledgement(ZamKind.MSS_DELIVERY, False)), parse_zam),
    "ack": (ACK, read_ack),
}

NASTY = st.one_of(
    st.sampled_from(
        [
            '""',
            "^",
            "~",
            "&",
            "\\",
            "\\X00\\",
            "^^^^",
            "0",
            "99999999999999",
            "20251399",
            "-1",
            "é",
            " ",
            "Y",
            "N",
        ]
    ),
    st.text(max_size=8).filter(lambda text: "\r" not in text and "\n" not in text),
)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_mutated_field_gives_a_value_or_a_refusal(name: str, data: st.DataObject) -> None:
    raw, reader = READERS[name]
    lines = raw.decode().rstrip("\r").split("\r")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        fields = lines[at].split("|")
        number = data.draw(st.integers(2 if at == 0 else 0, len(fields) - 1))
        fields[number] = data.draw(NASTY)
        lines[at] = "|".join(fields)
    _read("\r".join(lines).encode("utf-8", "surrogatepass"), reader)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_moved_lost_or_repeated_segments_give_a_value_or_a_refusal(name: str, data: st.DataObject) -> None:
    raw, reader = READERS[name]
    head, *lines = raw.rstrip(b"\r").split(b"\r")
    lines = data.draw(st.lists(st.sampled_from(lines), max_size=len(lines) + 3))
    _read(b"\r".join([head, *lines]), reader)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_truncated_or_damaged_bytes_give_a_value_or_a_refusal(name: str, data: st.DataObject) -> None:
    raw, reader = READERS[name]
    at = data.draw(st.integers(0, len(raw)))
    _read(raw[:at] + data.draw(st.binary(max_size=6)) + raw[data.draw(st.integers(at, len(raw))) :], reader)


def _read(raw: bytes, reader: Reader) -> None:
    try:
        reader(parse_message(raw))
    except Hl7Error as refused:
        assert refused.code.isdigit()
        header = peek_header(raw)
        if header is not None:
            build_ack(header, code=refused.ack, control_id="1", sent_at=SENT_AT, faults=[refused.fault])
