"""Error switches of a provider, for negative tests."""

from dataclasses import asdict, dataclass, fields
from typing import Any


class UnknownSwitchError(ValueError):
    """No such switch, or a value of the wrong kind."""


@dataclass(slots=True)
class Switches:
    """What the provider does wrong. All off: it is honest.

    `acr` replaces the level of assurance, `slow_ms` delays token and userinfo, `down` answers 503 to
    everything but the browser's pages.
    """

    bad_signature: bool = False
    expired: bool = False
    issued_in_future: bool = False
    wrong_nonce: bool = False
    wrong_audience: bool = False
    wrong_issuer: bool = False
    wrong_authorized_party: bool = False
    wrong_access_hash: bool = False
    alg_none: bool = False
    hs256: bool = False
    wrong_kid: bool = False
    other_subject: bool = False
    wrong_response_issuer: bool = False
    userinfo_jwt: bool = False
    userinfo_refused: bool = False
    refresh_refused: bool = False
    down: bool = False
    slow_ms: int = 0
    acr: str = ""

    def update(self, values: dict[str, Any]) -> None:
        """Set some switches. UnknownSwitchError names the first one that does not exist or does not fit."""
        kinds = {entry.name: type(getattr(self, entry.name)) for entry in fields(self)}
        for name, value in values.items():
            if name not in kinds or type(value) is not kinds[name]:
                raise UnknownSwitchError(name)
        for name, value in values.items():
            setattr(self, name, value)

    def reset(self) -> None:
        self.update(asdict(Switches()))
