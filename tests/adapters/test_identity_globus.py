"""The real Globus SDK against the loopback stand-in, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import RSAKey

from adapters.identity_globus import GlobusIdentity, SignInFailed
from entrypoints.local.cloud import free_port
from entrypoints.local.globus_book import LOCAL_USER
from tests.signing_in import fetch, sign_in
from tests.standins import CLIENT_ID, CLIENT_SECRET, served

BACK = "http://127.0.0.1:8000/callback"


@pytest.fixture
def identity(globus: Callable[[], str]) -> GlobusIdentity:
    return GlobusIdentity(CLIENT_ID, CLIENT_SECRET, base_url=globus())


def test_the_local_user_signs_in(identity: GlobusIdentity) -> None:
    url = identity.authorize_url(state="s t&a=te", nonce="n", redirect_uri=BACK)
    answer = sign_in(url)
    assert answer.status == 303
    assert answer.headers["Location"].startswith(BACK)
    assert answer.query["state"] == "s t&a=te"
    who = identity.identify(code=answer.query["code"], nonce="n", redirect_uri=BACK)
    assert (who.subject, who.name) == (LOCAL_USER.sub, "Local user")
    assert who.email == LOCAL_USER.email
    assert who.organization
    assert who.access_token


def test_any_other_named_person_signs_in_and_stays_the_same(identity: GlobusIdentity) -> None:
    url = identity.authorize_url(state="s", nonce="n", redirect_uri=BACK)
    subjects = set()
    for email in ("rosalind@example.org", "Rosalind@Example.org"):
        answer = sign_in(url, person="new", name="Rosalind", email=email)
        who = identity.identify(code=answer.query["code"], nonce="n", redirect_uri=BACK)
        assert who.name == "Rosalind"
        subjects.add(who.subject)
    assert len(subjects) == 1
    assert LOCAL_USER.sub not in subjects


def test_a_code_works_once(identity: GlobusIdentity) -> None:
    code = sign_in(identity.authorize_url(state="s", nonce="n", redirect_uri=BACK)).query["code"]
    identity.identify(code=code, nonce="n", redirect_uri=BACK)
    with pytest.raises(SignInFailed, match="expired or was used before"):
        identity.identify(code=code, nonce="n", redirect_uri=BACK)


def test_a_code_meant_for_another_browser_is_refused(identity: GlobusIdentity) -> None:
    code = sign_in(identity.authorize_url(state="s", nonce="a", redirect_uri=BACK)).query["code"]
    with pytest.raises(SignInFailed, match="another browser"):
        identity.identify(code=code, nonce="b", redirect_uri=BACK)


def test_a_code_made_for_another_page_is_refused(identity: GlobusIdentity) -> None:
    code = sign_in(identity.authorize_url(state="s", nonce="n", redirect_uri=BACK)).query["code"]
    with pytest.raises(SignInFailed):
        identity.identify(code=code, nonce="n", redirect_uri=BACK + "/other")


def test_an_invented_code_or_a_wrong_secret_is_refused(globus: Callable[[], str]) -> None:
    url = globus()
    with pytest.raises(SignInFailed, match="expired or was used before"):
        GlobusIdentity(CLIENT_ID, CLIENT_SECRET, base_url=url).identify(
            code="invented", nonce="n", redirect_uri=BACK
        )
    with pytest.raises(SignInFailed, match="invalid_client"):
        GlobusIdentity(CLIENT_ID, "wrong", base_url=url).identify(
            code="invented", nonce="n", redirect_uri=BACK
        )


def test_globus_being_away_is_a_sentence_and_soon() -> None:
    identity = GlobusIdentity(CLIENT_ID, CLIENT_SECRET, base_url=f"http://127.0.0.1:{free_port()}")
    begin = time.monotonic()
    with pytest.raises(SignInFailed, match="cannot be reached"):
        identity.identify(code="x", nonce="n", redirect_uri=BACK)
    assert time.monotonic() - begin < 9  # the SDK's own retries take eighteen


def test_revoking_ends_the_token(identity: GlobusIdentity, globus: Callable[[], str]) -> None:
    code = sign_in(identity.authorize_url(state="s", nonce="n", redirect_uri=BACK)).query["code"]
    who = identity.identify(code=code, nonce="n", redirect_uri=BACK)
    url = urlsplit(identity.sign_out_url(redirect_uri=BACK))
    userinfo = f"{url.scheme}://{url.netloc}/v2/oauth2/userinfo"
    bearer = {"Authorization": f"Bearer {who.access_token}"}
    assert fetch(userinfo, headers=bearer).status == 200
    identity.revoke(who.access_token)
    assert fetch(userinfo, headers=bearer).status == 401


def test_signing_out_leads_back_to_us(identity: GlobusIdentity) -> None:
    url = identity.sign_out_url(redirect_uri="http://127.0.0.1:8000/")
    assert parse_qs(urlsplit(url).query)["client_id"] == [CLIENT_ID]
    page = fetch(url)
    assert page.status == 200
    assert 'href="http://127.0.0.1:8000/"' in page.body


# --- tokens that do not check --------------------------------------------------------------------


def liar(port: int, *, lie: dict[str, Any], key: RSAKey, published: RSAKey) -> Flask:
    """A Globus whose token says what it should not."""
    app, at = Flask("liar"), f"http://127.0.0.1:{port}"
    now = int(time.time())
    claims = {"iss": at, "aud": CLIENT_ID, "sub": "me", "nonce": "n", "iat": now, "exp": now + 600}
    claims = {name: value for name, value in (claims | lie).items() if value is not None}
    token = {
        "access_token": "t",
        "scope": "openid",
        "resource_server": "auth.globus.org",
        "expires_in": 600,
        "token_type": "Bearer",
        "other_tokens": [],
        "id_token": jwt.encode({"alg": "RS256"}, claims, key),
    }
    answers: dict[str, Any] = {
        "/v2/oauth2/token": token,
        "/v2/oauth2/userinfo": {"sub": "me", "name": "Me", "email": "me@example.org"},
        "/jwk.json": {"keys": [published.as_dict(private=False)]},
        "/.well-known/openid-configuration": {
            "issuer": at,
            "jwks_uri": f"{at}/jwk.json",
            "id_token_signing_alg_values_supported": ["RS256"],
        },
    }
    for path, answer in answers.items():
        app.add_url_rule(path, path, lambda answer=answer: answer, methods=["GET", "POST"])
    return app


@pytest.fixture(scope="module")
def keys() -> tuple[RSAKey, RSAKey]:
    return RSAKey.generate_key(2048), RSAKey.generate_key(2048)


def identify(lie: dict[str, Any], key: RSAKey, published: RSAKey) -> str:
    with served(lambda port: liar(port, lie=lie, key=key, published=published)) as url:
        identity = GlobusIdentity(CLIENT_ID, CLIENT_SECRET, base_url=url)
        return identity.identify(code="c", nonce="n", redirect_uri=BACK).subject


def test_the_honest_token_is_believed(keys: tuple[RSAKey, RSAKey]) -> None:
    assert identify({}, keys[0], keys[0]) == "me"


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://auth.globus.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"exp": 1},
        {"exp": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": "somebody-else"},
    ],
    ids=lambda lie: f"{next(iter(lie))}={next(iter(lie.values()))}",
)
def test_a_token_with_a_wrong_claim_is_refused(
    lie: dict[str, Any], keys: tuple[RSAKey, RSAKey]
) -> None:
    with pytest.raises(SignInFailed):
        identify(lie, keys[0], keys[0])


def test_a_token_signed_by_another_key_is_refused(keys: tuple[RSAKey, RSAKey]) -> None:
    with pytest.raises(SignInFailed, match="does not check"):
        identify({}, keys[1], keys[0])
