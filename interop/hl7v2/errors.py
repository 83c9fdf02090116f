"""The one error of the HL7 v2 code: what is wrong, where, and what the sender will read.

Source: CI-SIS volets, "Le message d'acquittement" (hl7v2.md 1.5, 3.4).
"""

from dataclasses import dataclass
from typing import Self

from interop.hl7v2 import codes


@dataclass(frozen=True, slots=True)
class Fault:
    """One ERR segment.

    `code` is ERR-3.1 (table 0357); `location` is ERR-2 in the form
    segment^occurrence^field[^repetition^component], empty when no place can be named; `text` is ERR-8,
    French, without any value read in the message; `application_code` is ERR-5.1 with its label and coding
    system.
    """

    code: str
    location: str = ""
    text: str = ""
    severity: str = codes.Severity.ERROR
    application_code: str = ""
    application_label: str = ""
    application_system: str = ""


class Hl7Error(Exception):
    """A message that cannot be taken: carries the fault and the acknowledgement code that answer it."""

    def __init__(self, code: str, location: str, text: str, *, ack: codes.AckCode = codes.AckCode.AE) -> None:
        super().__init__(f"{code} {location or '-'} {text}")
        self.fault = Fault(code=code, location=location, text=text)
        self.ack = ack

    @classmethod
    def of(cls, fault: Fault, *, ack: codes.AckCode = codes.AckCode.AE) -> Self:
        """Return the error that a whole fault makes, with its application code."""
        error = cls(fault.code, fault.location, fault.text, ack=ack)
        error.fault = fault
        return error

    @property
    def code(self) -> str:
        """ERR-3.1."""
        return self.fault.code

    @property
    def location(self) -> str:
        """ERR-2."""
        return self.fault.location

    @property
    def text(self) -> str:
        """ERR-8."""
        return self.fault.text


def application_fault(code: str, location: str | None = None, text: str = "") -> Fault:
    """Return the fault of an application refusal of flow 6 (table applicationErrorCode, hl7v2.md 3.4).

    `location` defaults to the place that the table gives to the code.
    """
    return Fault(
        code=codes.ERROR_APPLICATION,
        location=codes.APPLICATION_ERROR_LOCATIONS[code] if location is None else location,
        text=text,
        application_code=code,
        application_label=codes.APPLICATION_ERROR_LABELS[code],
        application_system=codes.SYSTEM_APPLICATION_ERROR,
    )
