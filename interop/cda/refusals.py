"""Why bytes that are good XML are refused as a CDA document."""

from enum import StrEnum


class CdaRefusal(StrEnum):
    """What cannot be used: the whole file, its header or its body."""

    NOT_CDA = "not_cda"
    HEADER = "header"
    BODY = "body"


class CdaRefused(ValueError):
    """A document that cannot be read; `text` is French and may be shown."""

    def __init__(self, code: CdaRefusal, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
