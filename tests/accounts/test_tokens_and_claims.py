"""ID tokens and claims one by one, beyond what the sandbox can be told to do (psc 4.4, 6, 15)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from mozilla_django_oidc.utils import generate_code_challenge

from accounts.enums import LoginRefusal, ProviderKind
from accounts.errors import LoginRefused
from accounts.models import IdentityProvider
from accounts.oidc.claims import person_of
from accounts.oidc.proof import assurance_of
from accounts.oidc.tokens import Expectation, access_hash, id_token_claims
from accounts.vault import open_tokens, seal_tokens

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ISSUER, CLIENT = "https://issuer.example/realm", "dpi-test"
EXPECTED = Expectation(
    issuer=ISSUER, client_id=CLIENT, nonce="n" * 43, algorithms=["RS256"], accepted_acr=["eidas1"]
)
PSC = IdentityProvider(slug="psc", kind=ProviderKind.PSC, issuer=ISSUER)
GENERIC = IdentityProvider(slug="hop", kind=ProviderKind.GENERIC, issuer=ISSUER, rpps_claim="rpps")


def jwks(**changes: str) -> dict[str, Any]:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
    return {"keys": [jwk | {"kid": "k1", "use": "sig", "alg": "RS256"} | changes]}


def token(*, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {
        "iss": ISSUER, "aud": CLIENT, "sub": "f:1:8997", "nonce": "n" * 43, "acr": "eidas1",
        "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 120,
    } | changes  # fmt: skip
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, KEY, algorithm="RS256", headers={"kid": "k1"} | (header or {}))


def read(text: str, *, at: datetime = NOW, keys: dict[str, Any] | None = None) -> dict[str, Any]:
    with time_machine.travel(at, tick=False):
        return id_token_claims(text, EXPECTED, keys=lambda reload: keys or jwks(), now=at, access_token="a")


def test_a_good_token_is_read() -> None:
    assert read(token())["sub"] == "f:1:8997"
    assert read(token(aud=[CLIENT, "other"], azp=CLIENT))["azp"] == CLIENT
    assert read(token(at_hash=access_hash("a", "RS256")))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": ISSUER + "/"}, {"iss": None}, {"aud": "other"}, {"aud": None}, {"aud": ["other", "third"]},
        {"aud": [CLIENT, "other"]}, {"aud": [CLIENT, "other"], "azp": "other"}, {"azp": "other"},
        {"nonce": "x"}, {"nonce": None}, {"exp": None}, {"iat": None}, {"sub": None}, {"sub": ""},
        {"at_hash": "x"}, {"auth_time": "yesterday"}, {"nbf": int(NOW.timestamp()) + 300},
    ],
)  # fmt: skip
def test_a_token_with_one_fault_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(LoginRefused) as refused:
        read(token(**changes))
    assert refused.value.refusal is LoginRefusal.TOKEN


@pytest.mark.parametrize(
    ("seconds", "good"), [(0, True), (170, True), (190, False), (-50, True), (-70, False)]
)
def test_clocks_may_differ_by_a_minute(seconds: int, good: bool) -> None:
    if good:
        assert read(token(), at=NOW + timedelta(seconds=seconds))
    else:
        with pytest.raises(LoginRefused):
            read(token(), at=NOW + timedelta(seconds=seconds))


def test_a_token_that_lives_long_is_still_refused_when_it_is_old() -> None:
    with pytest.raises(LoginRefused, match="impossible") as refused:
        read(token(exp=int(NOW.timestamp()) + 7200), at=NOW + timedelta(minutes=7))
    assert "iat" in refused.value.reason


def test_a_level_too_low_has_its_own_code() -> None:
    for acr in ("eidas0", None):
        with pytest.raises(LoginRefused) as refused:
            read(token(acr=acr))
        assert refused.value.refusal is LoginRefusal.ASSURANCE


@pytest.mark.parametrize("header", [{"kid": "../../etc/passwd"}, {"kid": "k2"}])
def test_a_key_that_the_provider_does_not_publish_is_refused(header: dict[str, str]) -> None:
    with pytest.raises(LoginRefused):
        read(token(header=header))


def test_where_the_header_says_keys_are_is_ignored() -> None:
    asked: list[bool] = []

    def keys(reload: bool) -> dict[str, Any]:
        asked.append(reload)
        return {"keys": []}

    evil = token(header={"jku": "https://evil.example/keys", "x5u": "https://evil.example/x"})
    with time_machine.travel(NOW, tick=False), pytest.raises(LoginRefused):
        id_token_claims(evil, EXPECTED, keys=keys, now=NOW, access_token="a")
    assert asked == [False, True]


def test_the_public_key_is_no_shared_secret() -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    for algorithm in ("none", "HS256", "None", ""):
        forged = f"{part({'alg': algorithm, 'kid': 'k1'})}.{part({'sub': 'x'})}."
        with pytest.raises(LoginRefused):
            read(forged)


@pytest.mark.parametrize("keys", [jwks(use="enc"), jwks(alg="RS512"), jwks(kty="oct")])
def test_a_key_for_another_use_is_not_taken(keys: dict[str, Any]) -> None:
    with pytest.raises(LoginRefused):
        read(token(), keys=keys)


@given(st.text(max_size=200))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(LoginRefused):
        id_token_claims(text, EXPECTED, keys=lambda reload: {"keys": []}, now=NOW)


def test_the_challenge_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert generate_code_challenge(verifier, "S256") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


# --- Claims -----------------------------------------------------------------------------------

USERINFO = {
    "sub": "f:1:899700999991",
    "SubjectNameID": "899700999991",
    "given_name": "Camille",
    "family_name": "USAGE",
    "authMode": "CARD",
    "otherIds": [{"identifiant": "899700999991", "origine": "RPPS", "qualite": 1}],
    "SubjectRefPro": {
        "codeCivilite": "M",
        "exercices": [
            {
                "codeProfession": "10",
                "codeSavoirFaire": "SM54",
                "nomDexercice": "EXEMPLE",
                "prenomDexercice": "Camille",
                "activities": [
                    {"numeroFinessSite": "010000001", "codeSecteurDactivite": "SA01"},
                    {"numeroFinessSite": "750000001", "codeSecteurDactivite": "SA07"},
                ],
            }
        ],
    },
}


@pytest.mark.requirement("SC.SSI/IE.33")
def test_the_professional_identity_is_read_from_the_exercise() -> None:
    person = person_of(PSC, {"sub": "f:1:899700999991"}, USERINFO)

    assert (person.subject, person.rpps, person.auth_mode) == ("899700999991", "99700999991", "CARD")
    assert (person.family_name, person.given_name) == ("EXEMPLE", "Camille")
    assert (person.profession, person.specialty) == ("10", "SM54")
    assert [activity.sector for activity in person.activities_at({"010000001"})] == ["SA01"]
    assert person.claims_agree


def other(number: str, origin: str) -> dict[str, Any]:
    return {"identifiant": number, "origine": origin, "qualite": 1}


@pytest.mark.parametrize(
    ("changes", "rpps", "agree"),
    [
        ({"otherIds": []}, "99700999991", True),
        ({"otherIds": None, "otherIDs": [other("99700999991", "RPPS")]}, "99700999991", True),
        ({"otherIds": [other("899700900014", "RPPS")]}, "99700900014", False),
        ({"SubjectNameID": "ANS20231122132732", "otherIds": [other("X", "EDIT")]}, "", True),
        ({"SubjectNameID": "3990000010/DROUX", "otherIds": []}, "", True),
        ({"SubjectNameID": "0751234567", "otherIds": "?"}, "", True),
    ],
)  # fmt: skip
def test_the_rpps_of_the_claims(changes: dict[str, Any], rpps: str, agree: bool) -> None:
    person = person_of(PSC, {"sub": "s"}, USERINFO | changes)

    assert (person.rpps, person.claims_agree) == (rpps, agree)


def test_a_generic_provider_is_known_by_its_sub() -> None:
    person = person_of(GENERIC, {"sub": "opaque"}, {"rpps": "99700900014", "SubjectNameID": "8997"})

    assert (person.subject, person.rpps) == ("opaque", "99700900014")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(st.fixed_dictionaries({name: JSON for name in USERINFO}), st.sampled_from([PSC, GENERIC]))
def test_odd_claims_never_stop_a_login(userinfo: dict[str, Any], provider: IdentityProvider) -> None:
    person_of(provider, {"sub": "s"}, userinfo)


@pytest.mark.parametrize(
    ("provider", "claims", "level", "strong"),
    [
        (PSC, {"acr": "eidas3"}, "psc:eidas3:CARD", True),
        (GENERIC, {"acr": "2"}, "oidc:hop:2", True),
        (GENERIC, {"acr": "1", "amr": ["pwd", "otp"]}, "oidc:hop:1", True),
        (GENERIC, {"acr": "1", "amr": ["pwd"]}, "oidc:hop:1", False),
        (GENERIC, {"amr": "otp"}, "oidc:hop:", False),
        (GENERIC, {}, "oidc:hop:", False),
    ],
)
def test_how_strong_an_authentication_is(
    provider: IdentityProvider, claims: dict[str, Any], level: str, strong: bool
) -> None:
    provider.second_factor = ["2", "otp"]
    iat = int(NOW.timestamp())

    assurance = assurance_of(provider, {"iat": iat, "auth_time": iat - 60} | claims, "CARD")

    assert (assurance.level, assurance.two_factor) == (level, strong)
    assert assurance.auth_time == NOW - timedelta(minutes=1)
    assert assurance.is_strong(NOW + timedelta(hours=3)) is strong
    assert not assurance.is_strong(NOW + timedelta(hours=4))


def test_stored_tokens_are_encrypted_and_survive_a_change_of_key(settings: Any) -> None:
    text = seal_tokens({"id": "eyJ.secret"})
    assert "eyJ" not in text
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key " * 5, [settings.SECRET_KEY]
    assert open_tokens(text) == {"id": "eyJ.secret"}
    settings.SECRET_KEY_FALLBACKS = []
    assert open_tokens(text) == {}
    assert open_tokens("") == {}
