"""What an installation, or the server, may change of the DMP (spec dmp 9, rule 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from interop.dmp import codes as dmp
from interop.vihf.assertion import VihfProfile
from interop.vihf.claims import SoftwareClaim
from interop.xds import codes as xds
from interop.xds.lot_signature import SHA256_ALGORITHMS, SignatureAlgorithms
from interop.xds.responses import KIND_OF_CODE, ErrorKind
from national.dmp.ports import Authorisation

AUTHORISATION_WORDS: Mapping[str, Authorisation] = MappingProxyType(
    {
        dmp.AUTHORISATION_VALID: Authorisation.VALID,
        dmp.AUTHORISATION_EXPIRED: Authorisation.EXPIRED,
        dmp.AUTHORISATION_BLOCKED: Authorisation.BLOCKED,
        dmp.AUTHORISATION_NONE: Authorisation.NONE,
    }
)
"""Words of TD0.2: `VALIDE` is published, the three others are recalled (spec dmp 1.4)."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths of the services, below the base address."""

    registry: str = xds.PATH_REGISTRY
    repository: str = xds.PATH_REPOSITORY
    patients: str = dmp.PATH_PATIENTS
    authorisations: str = dmp.PATH_AUTHORISATIONS


@dataclass(frozen=True, slots=True)
class Actions:
    """WS-Addressing actions: the WSDL and the sample kit do not agree on all (spec dmp 1.1)."""

    iti18: str = xds.ACTION_ITI18
    iti41: str = xds.ACTION_ITI41
    iti43: str = xds.ACTION_ITI43
    iti57: str = xds.ACTION_ITI57
    existence: str = dmp.ACTION_TD02
    authorisation: str = dmp.ACTION_TD03


@dataclass(frozen=True, slots=True)
class DmpSettings:
    """Settings of a gateway. Times in seconds (spec dmp 9, rule 3).

    `software_oid` names the sender of TD0.2. `authorisation_words` gives the meaning of the status of an
    authorisation; a word that it does not name is UNKNOWN.
    """

    software: SoftwareClaim
    software_oid: str = ""
    paths: Paths = field(default_factory=Paths)
    actions: Actions = field(default_factory=Actions)
    existence_timeout: float = 10.0
    query_timeout: float = 30.0
    retrieve_timeout: float = 60.0
    submit_timeout: float = 120.0
    profile: VihfProfile = field(default_factory=VihfProfile)
    signs_lots: bool = True
    lot_algorithms: SignatureAlgorithms = SHA256_ALGORITHMS
    processing_code: str = dmp.PROCESSING_PRODUCTION
    authorisation_words: Mapping[str, Authorisation] = field(default_factory=lambda: AUTHORISATION_WORDS)
    error_kinds: Mapping[str, ErrorKind] = field(default_factory=lambda: KIND_OF_CODE)
