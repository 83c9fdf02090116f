"""Bytes of messages for the tests of the journal and of the lines."""

from __future__ import annotations

from exchange.identifiers import new_control_id

TEST_TYPE = "ZTT"


def message(
    *segments: str,
    control_id: str = "",
    kind: str = f"{TEST_TYPE}^Z01^{TEST_TYPE}_Z01",
    sender: str = "GAM",
    facility: str = "CHU-X",
    processing: str = "P",
    charset: str = "UNICODE UTF-8",
    profile: str = "",
    codec: str = "utf-8",
) -> bytes:
    """A message of a type that only the tests treat."""
    header = (
        f"MSH|^~\\&|{sender}|{facility}|DPI|CHU-X|20250102101500||{kind}|{control_id or new_control_id()}"
        f"|{processing}|2.5|||||FRA|{charset}|||{profile}"
    )
    return ("\r".join([header, *segments]) + "\r").encode(codec)
