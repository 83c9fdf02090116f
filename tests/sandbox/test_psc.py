"""The stand-in of Pro Santé Connect, seen by a browser and by an application."""

import base64
import hashlib
import re
import ssl
import time
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
import time_machine
from lxml import html

from sandbox.demo import PROFESSIONALS
from sandbox.runtime import Sandbox, SandboxSettings
from tests.sandbox.conftest import CALLBACK, LOGGED_OUT

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
STATE = "5hYkE0wq3nV8rT1mZ6cB9aXs"
NONCE = "9fCwQ2xL7kP4vN0sJ8dH3gRt"


def authorization(box: Sandbox, **changes: str | None) -> dict[str, str]:
    parameters: dict[str, str | None] = {
        "response_type": "code",
        "client_id": box.addresses.psc.client_id,
        "redirect_uri": CALLBACK,
        "scope": "openid scope_all",
        "acr_values": "eidas1",
        "state": STATE,
        "nonce": NONCE,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (parameters | changes).items() if value is not None}


def authorization_url(box: Sandbox, **changes: str | None) -> str:
    return f"{box.addresses.psc.authorization_endpoint}?{urlencode(authorization(box, **changes))}"


def returned(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def secret(box: Sandbox) -> str:
    with open(box.addresses.psc.client_secret_file) as stream:
        return stream.read()


def exchange(box: Sandbox, application: httpx.Client, code: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return application.post(
        f"{box.addresses.psc.issuer}/protocol/openid-connect/token",
        data=form | changes,
        auth=(box.addresses.psc.client_id, secret(box)),
    )


def tokens(box: Sandbox, application: httpx.Client, person: str = "hoda") -> dict[str, str]:
    callback = box.psc.sign_in(authorization_url(box), person)
    answer = exchange(box, application, returned(callback)["code"])
    assert answer.status_code == 200, answer.text
    return answer.json()


def id_claims(box: Sandbox, application: httpx.Client, token: str) -> dict[str, object]:
    """Read an id token as a strict relying party does."""
    keys = application.get(f"{box.addresses.psc.issuer}/protocol/openid-connect/certs").json()["keys"]
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == kid))
    return jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=box.addresses.psc.client_id,
        issuer=box.addresses.psc.issuer,
    )


# Discovery


def test_discovery_is_at_the_wallet_address_and_separates_browser_from_application(
    box: Sandbox, application: httpx.Client
) -> None:
    metadata = application.get(box.addresses.psc.discovery_url).json()
    assert box.addresses.psc.discovery_url.endswith("/.well-known/wallet-openid-configuration")
    assert metadata["issuer"] == box.addresses.psc.issuer
    for name in ("authorization_endpoint", "end_session_endpoint"):
        assert metadata[name].startswith(box.addresses.http_url)
    for name in ("token_endpoint", "userinfo_endpoint", "jwks_uri", "introspection_endpoint"):
        assert metadata[name].startswith("https://")
    assert metadata["code_challenge_methods_supported"] == ["S256"]


def test_the_standard_discovery_address_of_the_first_provider_does_not_exist(
    box: Sandbox, application: httpx.Client
) -> None:
    address = f"{box.addresses.psc.issuer}/.well-known/openid-configuration"
    assert application.get(address).status_code == 404


# Authorization request


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"acr_values": None}, "invalid_request"),
        ({"acr_values": "loa9"}, "invalid_request"),
        ({"state": "short"}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "tooshort"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
    ],
)
def test_an_incomplete_request_goes_back_with_its_error(
    box: Sandbox, browser: httpx.Client, changes: dict[str, str | None], error: str
) -> None:
    answer = browser.get(authorization_url(box, **changes))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(CALLBACK + "?")
    back = returned(answer.headers["location"])
    assert back["error"] == error
    assert back["iss"] == box.addresses.psc.issuer


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unknown"},
        {"redirect_uri": "http://localhost:8999/oidc/psc/callback/"},
        {"redirect_uri": "http://evil.example/"},
        {"redirect_uri": None},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    box: Sandbox, browser: httpx.Client, changes: dict[str, str | None]
) -> None:
    answer = browser.get(authorization_url(box, **changes))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "Demande refusée" in answer.text


def test_several_return_addresses_may_be_registered(box: Sandbox, browser: httpx.Client) -> None:
    answer = browser.get(authorization_url(box, redirect_uri="http://127.0.0.1:8999/oidc/psc/callback"))
    assert answer.status_code == 200


# Picker


def test_a_person_chooses_a_professional_and_comes_back_with_a_code(
    box: Sandbox, browser: httpx.Client, application: httpx.Client
) -> None:
    shown = browser.get(authorization_url(box))
    assert shown.status_code == 200
    tree = html.fromstring(shown.content)
    assert tree.get("lang") == "fr"
    buttons = {
        button.get("value"): button.text_content() for button in tree.xpath("//button[@name='professional']")
    }
    assert list(buttons) == [person.key for person in PROFESSIONALS]
    assert buttons["hoda"].startswith("Dr Alice HODA")
    request = tree.xpath("//input[@name='request']/@value")[0]
    answer = browser.post(
        box.addresses.psc.authorization_endpoint,
        data={"request": request, "professional": "hoda", "means": "CARD"},
    )
    assert answer.status_code == 303
    back = returned(answer.headers["location"])
    assert back["state"] == STATE
    assert back["iss"] == box.addresses.psc.issuer
    assert exchange(box, application, back["code"]).status_code == 200


def test_the_picker_lets_its_form_lead_to_the_application_and_nowhere_else(
    box: Sandbox, browser: httpx.Client
) -> None:
    policy = browser.get(authorization_url(box)).headers["content-security-policy"]
    assert "form-action 'self' http://localhost:8999;" in policy
    assert "default-src 'none'" in policy


def test_a_choice_counts_once(box: Sandbox, browser: httpx.Client) -> None:
    request = html.fromstring(browser.get(authorization_url(box)).content).xpath(
        "//input[@name='request']/@value"
    )[0]
    form = {"request": request, "professional": "hoda", "means": "CARD"}
    assert browser.post(box.addresses.psc.authorization_endpoint, data=form).status_code == 303
    assert browser.post(box.addresses.psc.authorization_endpoint, data=form).status_code == 400


def test_a_person_may_refuse(box: Sandbox, browser: httpx.Client) -> None:
    request = html.fromstring(browser.get(authorization_url(box)).content).xpath(
        "//input[@name='request']/@value"
    )[0]
    answer = browser.post(box.addresses.psc.authorization_endpoint, data={"request": request, "cancel": "1"})
    assert returned(answer.headers["location"]) == {
        "error": "access_denied",
        "state": STATE,
        "iss": box.addresses.psc.issuer,
    }


def test_prompt_none_needs_an_open_session(box: Sandbox, browser: httpx.Client) -> None:
    first = browser.get(authorization_url(box, prompt="none"))
    assert returned(first.headers["location"])["error"] == "login_required"
    request = html.fromstring(browser.get(authorization_url(box)).content).xpath(
        "//input[@name='request']/@value"
    )[0]
    browser.post(
        box.addresses.psc.authorization_endpoint,
        data={"request": request, "professional": "martin", "means": "MOBILE"},
    )
    silent = browser.get(authorization_url(box, prompt="none"))
    assert "code" in returned(silent.headers["location"])
    offered = browser.get(authorization_url(box))
    assert "Poursuivre en tant que Chloé MARTIN" in offered.text


def test_pages_answer_only_under_a_loopback_name(box: Sandbox, browser: httpx.Client) -> None:
    assert browser.get(authorization_url(box), headers={"Host": "evil.example:80"}).status_code == 421


# Token


def test_the_id_token_holds_what_a_relying_party_must_check(box: Sandbox, application: httpx.Client) -> None:
    answer = tokens(box, application)
    claims = id_claims(box, application, answer["id_token"])
    assert claims["nonce"] == NONCE
    assert claims["azp"] == box.addresses.psc.client_id
    assert claims["SubjectNameID"] == "899700900014"
    assert claims["acr"] == "eidas3"
    assert claims["authMode"] == "CARD"
    digest = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert answer["expires_in"] == 120
    assert answer["refresh_expires_in"] == 350
    assert answer["token_type"] == "Bearer"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "A" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:8999/oidc/psc/callback"},
        {"code": "unknown"},
    ],
)
def test_a_code_is_worth_nothing_without_its_verifier_and_address(
    box: Sandbox, application: httpx.Client, changes: dict[str, str]
) -> None:
    code = returned(box.psc.sign_in(authorization_url(box), "hoda"))["code"]
    answer = exchange(box, application, **({"code": code} | changes))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


def test_a_code_used_twice_withdraws_what_it_gave(box: Sandbox, application: httpx.Client) -> None:
    code = returned(box.psc.sign_in(authorization_url(box), "hoda"))["code"]
    first = exchange(box, application, code).json()
    second = exchange(box, application, code)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert userinfo(box, application, first["access_token"]).status_code == 401


def test_a_code_lives_one_minute(box: Sandbox, application: httpx.Client) -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        code = returned(box.psc.sign_in(authorization_url(box), "hoda"))["code"]
        clock.shift(61)
        assert exchange(box, application, code).json()["error"] == "invalid_grant"


def test_a_wrong_secret_is_refused(box: Sandbox, application: httpx.Client) -> None:
    answer = application.post(
        f"{box.addresses.psc.issuer}/protocol/openid-connect/token",
        data={"grant_type": "authorization_code", "code": "x"},
        auth=(box.addresses.psc.client_id, "wrong"),
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_the_secret_may_come_in_the_body(box: Sandbox, application: httpx.Client) -> None:
    code = returned(box.psc.sign_in(authorization_url(box), "hoda"))["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": box.addresses.psc.client_id,
        "client_secret": secret(box),
    }
    address = f"{box.addresses.psc.issuer}/protocol/openid-connect/token"
    assert application.post(address, data=form).status_code == 200


def test_the_client_certificate_may_replace_the_secret(box: Sandbox) -> None:
    certificates = box.addresses.certificates
    context = ssl.create_default_context(cafile=certificates.ca)
    context.load_cert_chain(certificates.client_cert, certificates.client_key)
    code = returned(box.psc.sign_in(authorization_url(box), "hoda"))["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": box.addresses.psc.client_id,
    }
    address = f"{box.addresses.psc.issuer}/protocol/openid-connect/token"
    with httpx.Client(verify=context, trust_env=False) as client:
        assert client.post(address, data=form).status_code == 200


def refresh(box: Sandbox, application: httpx.Client, token: str) -> httpx.Response:
    return application.post(
        f"{box.addresses.psc.issuer}/protocol/openid-connect/token",
        data={"grant_type": "refresh_token", "refresh_token": token},
        auth=(box.addresses.psc.client_id, secret(box)),
    )


def test_a_refresh_token_rotates(box: Sandbox, application: httpx.Client) -> None:
    first = tokens(box, application)
    second = refresh(box, application, first["refresh_token"])
    assert second.status_code == 200
    assert refresh(box, application, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(box, application, second.json()["refresh_token"]).status_code == 200


def test_a_refresh_token_ends(box: Sandbox, application: httpx.Client) -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        first = tokens(box, application)
        clock.shift(351)
        assert refresh(box, application, first["refresh_token"]).json()["error"] == "invalid_grant"


# Userinfo, introspection, revocation


def userinfo(box: Sandbox, application: httpx.Client, token: str) -> httpx.Response:
    return application.get(
        f"{box.addresses.psc.issuer}/protocol/openid-connect/userinfo",
        headers={"Authorization": f"Bearer {token}"},
    )


def test_userinfo_has_the_structure_of_the_real_service(box: Sandbox, application: httpx.Client) -> None:
    answer = tokens(box, application)
    claims = userinfo(box, application, answer["access_token"]).json()
    assert claims["sub"] == id_claims(box, application, answer["id_token"])["sub"]
    assert claims["SubjectNameID"] == claims["preferred_username"] == "899700900014"
    assert claims["otherIds"] == [{"identifiant": "899700900014", "origine": "RPPS", "qualite": 1}]
    exercise = claims["SubjectRefPro"]["exercices"][0]
    assert (exercise["codeProfession"], exercise["codeSavoirFaire"]) == ("10", "SM26")
    assert exercise["activities"][0]["numeroFinessSite"] == "990000101"
    assert exercise["activities"][0]["numeroFinessetablissementJuridique"] == "990000010"
    assert re.fullmatch(r"SA01\^[\d.]+", claims["Secteur_Activite"])


def test_a_person_without_rpps_has_an_identity_of_the_structure_only(
    box: Sandbox, application: httpx.Client
) -> None:
    claims = userinfo(box, application, tokens(box, application, "roux")["access_token"]).json()
    assert claims["SubjectNameID"] == "3990000010/DROUX"
    assert claims["otherIds"] == []
    assert claims["SubjectRole"] == []


def test_an_access_token_lives_two_minutes(box: Sandbox, application: httpx.Client) -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        token = tokens(box, application)["access_token"]
        assert userinfo(box, application, token).status_code == 200
        clock.shift(121)
        assert userinfo(box, application, token).status_code == 401


def test_introspection_tells_a_live_token_from_a_revoked_one(box: Sandbox, application: httpx.Client) -> None:
    answer = tokens(box, application)
    protocol = f"{box.addresses.psc.issuer}/protocol/openid-connect"
    client = (box.addresses.psc.client_id, secret(box))
    form = {"token": answer["access_token"]}
    live = application.post(f"{protocol}/token/introspect", data=form, auth=client).json()
    assert live["active"] and live["client_id"] == box.addresses.psc.client_id
    application.post(f"{protocol}/revoke", data={"token": answer["refresh_token"]}, auth=client)
    assert application.post(f"{protocol}/token/introspect", data=form, auth=client).json() == {
        "active": False
    }


# End of session


def test_leaving_closes_the_session_and_comes_back(
    box: Sandbox, browser: httpx.Client, application: httpx.Client
) -> None:
    answer = tokens(box, application)
    address = box.addresses.psc.end_session_endpoint
    parameters = {
        "id_token_hint": answer["id_token"],
        "post_logout_redirect_uri": LOGGED_OUT,
        "state": "back",
    }
    left = browser.get(address, params=parameters)
    assert left.headers["location"] == f"{LOGGED_OUT}?state=back"
    assert refresh(box, application, answer["refresh_token"]).json()["error"] == "invalid_grant"


def test_leaving_to_an_unregistered_address_is_refused(box: Sandbox, browser: httpx.Client) -> None:
    parameters = {
        "client_id": box.addresses.psc.client_id,
        "post_logout_redirect_uri": "http://evil.example/",
    }
    answer = browser.get(box.addresses.psc.end_session_endpoint, params=parameters)
    assert answer.status_code == 400


def test_leaving_without_hint_asks_for_confirmation(box: Sandbox, browser: httpx.Client) -> None:
    assert "Confirmer la déconnexion" in browser.get(box.addresses.psc.end_session_endpoint).text
    answer = browser.post(box.addresses.psc.end_session_endpoint, data={"confirm": "1"})
    assert "Vous êtes déconnecté" in answer.text


# Restart


def test_sessions_and_keys_outlive_a_restart(settings: SandboxSettings) -> None:
    def client(box: Sandbox) -> httpx.Client:
        context = ssl.create_default_context(cafile=box.addresses.certificates.ca)
        return httpx.Client(verify=context, trust_env=False)

    with Sandbox(settings) as first, client(first) as application:
        answer = tokens(first, application)
        keys = first.psc.jwks()
    with Sandbox(settings) as second, client(second) as application:
        assert second.psc.jwks() == keys
        assert refresh(second, application, answer["refresh_token"]).status_code == 200


# Switches


@pytest.mark.parametrize(
    ("switch", "error"),
    [
        ("bad_signature", jwt.InvalidSignatureError),
        ("expired", jwt.ExpiredSignatureError),
        ("wrong_audience", jwt.InvalidAudienceError),
        ("wrong_issuer", jwt.InvalidIssuerError),
        ("issued_in_future", jwt.ImmatureSignatureError),
        ("alg_none", jwt.InvalidAlgorithmError),
        ("hs256", jwt.InvalidAlgorithmError),
    ],
)
def test_each_switch_makes_a_token_that_must_be_refused(
    box: Sandbox, application: httpx.Client, switch: str, error: type[Exception]
) -> None:
    application.post(f"{box.addresses.admin_url}psc/switches", json={switch: True})
    token = tokens(box, application)["id_token"]
    with pytest.raises(error):
        id_claims(box, application, token)
    application.delete(f"{box.addresses.admin_url}psc/switches")
    id_claims(box, application, tokens(box, application)["id_token"])


def test_other_switches_spoil_one_thing_each(box: Sandbox, application: httpx.Client) -> None:
    box.psc.switches.update({"wrong_nonce": True, "acr": "eidas0", "wrong_authorized_party": True})
    claims = id_claims(box, application, tokens(box, application)["id_token"])
    assert claims["nonce"] != NONCE
    assert claims["acr"] == "eidas0"
    assert claims["azp"] == "another-client"
    box.psc.switches.reset()
    box.psc.switches.update({"wrong_kid": True})
    known = {key["kid"] for key in box.psc.jwks()["keys"]}
    assert jwt.get_unverified_header(tokens(box, application)["id_token"])["kid"] not in known
    box.psc.switches.reset()
    box.psc.switches.update({"other_subject": True})
    answer = tokens(box, application)
    claims = userinfo(box, application, answer["access_token"]).json()
    assert claims["sub"] != id_claims(box, application, answer["id_token"])["sub"]
    box.psc.switches.reset()
    box.psc.switches.update({"userinfo_jwt": True})
    signed = userinfo(box, application, tokens(box, application)["access_token"])
    assert signed.headers["content-type"] == "application/jwt"


def test_a_provider_that_is_down_answers_503(box: Sandbox, application: httpx.Client) -> None:
    box.psc.switches.update({"down": True})
    assert application.get(box.addresses.psc.discovery_url).status_code == 503


def test_a_slow_provider_keeps_the_application_waiting(box: Sandbox, application: httpx.Client) -> None:
    box.psc.switches.update({"slow_ms": 60_000})
    code = returned(box.psc.sign_in(authorization_url(box), "hoda"))["code"]
    application.timeout = httpx.Timeout(5, read=0.2)
    with pytest.raises(httpx.ReadTimeout):
        exchange(box, application, code)


def test_an_unknown_switch_is_refused(box: Sandbox, browser: httpx.Client) -> None:
    answer = browser.post(f"{box.addresses.admin_url}psc/switches", json={"melt": True})
    assert answer.status_code == 400


def test_a_form_of_another_site_cannot_reach_the_admin_api(box: Sandbox, browser: httpx.Client) -> None:
    answer = browser.post(f"{box.addresses.admin_url}psc/switches", data={"down": "1"})
    assert answer.status_code == 415


# Second provider


def test_the_second_provider_has_its_own_issuer_keys_and_claims(
    box: Sandbox, application: httpx.Client
) -> None:
    addresses = box.addresses.etablissement
    assert addresses.discovery_url.endswith("/.well-known/openid-configuration")
    metadata = application.get(addresses.discovery_url).json()
    assert metadata["issuer"] == addresses.issuer != box.addresses.psc.issuer
    assert box.establishment.jwks() != box.psc.jwks()
    parameters = authorization(
        box, redirect_uri="http://localhost:8999/oidc/etablissement/callback", scope="openid", acr_values=None
    )
    callback = box.establishment.sign_in(
        f"{metadata['authorization_endpoint']}?{urlencode(parameters)}", "roux"
    )
    with open(addresses.client_secret_file) as stream:
        client = (addresses.client_id, stream.read())
    answer = application.post(
        metadata["token_endpoint"],
        data={
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(callback).query)["code"][0],
            "redirect_uri": parameters["redirect_uri"],
            "code_verifier": VERIFIER,
        },
        auth=client,
    ).json()
    claims = application.get(
        metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {answer['access_token']}"}
    ).json()
    assert claims["name"] == "Denis ROUX"
    assert "rpps" not in claims
    assert "@" not in claims["sub"]
