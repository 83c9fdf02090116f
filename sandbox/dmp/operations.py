"""The operations of the DMP, and what its journal tells of a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: the element of the body that asks for it, its actions, its frames."""

    name: str
    path: str
    tag: str
    action: str
    response_action: str
    multipart_request: bool = False
    multipart_answer: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One request, as the journal tells it.

    `outcome` is ok, refused, fault, or the name of an injected effect; `purpose` is that of the VIHF.
    """

    at: str
    operation: str
    ins: str = ""
    actor: str = ""
    structure: str = ""
    mode: str = ""
    purpose: str = ""
    assertion_id: str = ""
    message_id: str = ""
    unique_ids: tuple[str, ...] = ()
    outcome: str = "ok"
    code: str = ""
    text: str = ""
    duration_ms: float = 0.0
