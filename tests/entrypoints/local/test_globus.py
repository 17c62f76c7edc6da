"""The Globus stand-in: what it refuses, what it keeps, and how its page looks."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import globus_sdk
import pytest

from entrypoints.local.globus import NATIVE_CLIENT
from entrypoints.local.globus_book import LOCAL_USER
from entrypoints.local.standins import bind, stand_in
from tests.signing_in import fetch, sign_in
from tests.standins import CLIENT_ID, CLIENT_SECRET

BACK = "http://127.0.0.1:8000/callback"
BASIC = {
    "Authorization": "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
}


def asking(url: str, **changed: str) -> str:
    query = {"client_id": CLIENT_ID, "response_type": "code", "redirect_uri": BACK, "state": "s"}
    return f"{url}/v2/oauth2/authorize?{urlencode(query | changed)}"


def token(url: str) -> str:
    code = sign_in(asking(url)).query["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    answer = fetch(f"{url}/v2/oauth2/token", form, BASIC)
    return str(json.loads(answer.body)["access_token"])


def test_the_page_says_what_it_is_and_preselects_the_local_user(
    globus: Callable[[], str],
) -> None:
    page = fetch(asking(globus()))
    assert page.status == 200
    assert "Local stand-in" in page.body
    assert f'value="{LOCAL_USER.sub}" checked' in page.body
    csp = page.headers["Content-Security-Policy"]
    assert "unsafe" not in csp
    assert page.headers["Referrer-Policy"] == "same-origin"  # or browsers hide their own origin
    assert "<script" not in page.body
    assert "style=" not in page.body


def test_every_asset_of_the_page_is_served_from_here(globus: Callable[[], str]) -> None:
    import re

    url = globus()
    links = re.findall(r'<link[^>]+href="([^"]+)"', fetch(asking(url)).body)
    assert len(links) == 3
    for link in links:
        assert link.startswith("/")
        assert fetch(url + link).status == 200


def test_a_person_without_a_name_or_address_is_asked_again(globus: Callable[[], str]) -> None:
    answer = sign_in(asking(globus()), person="new", name="", email="x")
    assert answer.status == 400
    assert "Give a name and an email address" in answer.body
    assert 'value="x"' in answer.body
    assert sign_in(asking(globus()), person="new").status == 400


def test_who_types_a_name_means_it_even_with_the_local_user_still_selected(
    globus: Callable[[], str],
) -> None:
    url = globus()
    sign_in(asking(url), person=LOCAL_USER.sub, name="Rosalind", email="r@example.org")
    assert "Rosalind" in fetch(asking(url)).body


def test_a_name_is_shown_as_it_is_and_never_runs(globus: Callable[[], str]) -> None:
    url = globus()
    sign_in(asking(url), person="new", name="<script>alert(1)</script>", email="x@example.org")
    page = fetch(asking(url)).body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>" not in page


def test_cancelling_goes_back_with_a_refusal(globus: Callable[[], str]) -> None:
    assert sign_in(asking(globus()), cancel="1").query == {"error": "access_denied", "state": "s"}


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "unknown"},
        {"response_type": "token"},
        {"redirect_uri": "https://elsewhere.example/"},
        {"redirect_uri": "http://127.0.0.1.elsewhere.example/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"client_id": NATIVE_CLIENT},
    ],
)
def test_a_strange_request_to_sign_in_is_refused_in_words(
    globus: Callable[[], str], changed: dict[str, str]
) -> None:
    url = globus()
    for answer in (fetch(asking(url, **changed)), sign_in(asking(url, **changed))):
        assert answer.status == 400
        assert "That did not work" in answer.body


def test_signing_out_links_to_this_machine_alone(globus: Callable[[], str]) -> None:
    url = f"{globus()}/v2/web/logout?redirect_uri=https://elsewhere.example/"
    assert "elsewhere" not in fetch(url).body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "rebound.example"}, 400),
        ({"X-Forwarded-For": "1.2.3.4"}, 403),
        ({"Forwarded": "for=1.2.3.4"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
    ],
)
def test_what_comes_from_elsewhere_is_refused(
    globus: Callable[[], str], headers: dict[str, str], status: int
) -> None:
    answer = fetch(asking(globus()), {"person": LOCAL_USER.sub}, headers)
    assert answer.status == status
    assert "Location" not in answer.headers


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", socket.gethostname()])  # noqa: S104
def test_it_refuses_to_bind_to_anything_but_loopback(host: str) -> None:
    with pytest.raises(ValueError, match=r"serves on 127\.0\.0\.1 alone"):
        bind(stand_in("entrypoints.local"), 0, host)


def test_a_token_can_be_asked_about_and_revoked(globus: Callable[[], str]) -> None:
    url = globus()
    given = token(url)
    client = globus_sdk.ConfidentialAppAuthClient(CLIENT_ID, CLIENT_SECRET, base_url=url)
    about = client.post("/v2/oauth2/token/introspect", data={"token": given}, encoding="form")
    assert (about["active"], about["sub"], about["client_id"]) == (True, LOCAL_USER.sub, CLIENT_ID)
    client.oauth2_revoke_token(given)
    about = client.post("/v2/oauth2/token/introspect", data={"token": given}, encoding="form")
    assert about.data == {"active": False}
    wrong = fetch(f"{url}/v2/oauth2/token/introspect", {"token": given})
    assert wrong.status == 401


def test_people_tokens_and_key_outlive_a_restart(globus: Callable[[], str]) -> None:
    first = globus()
    sign_in(asking(first), person="new", name="Rosalind", email="r@example.org")
    given, key = token(first), fetch(f"{first}/jwk.json").body
    second = globus()
    assert urlsplit(second).port != urlsplit(first).port
    assert "Rosalind" in fetch(asking(second)).body
    assert fetch(f"{second}/jwk.json").body == key
    bearer = {"Authorization": f"Bearer {given}"}
    assert fetch(f"{second}/v2/oauth2/userinfo", headers=bearer).status == 200


def test_no_secret_stands_in_the_book_in_clear(globus: Callable[[], str], tmp_path: Path) -> None:
    given = token(globus()).encode()
    for path in (tmp_path / "standins").iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert given not in path.read_bytes()


def test_a_command_line_without_a_secret_signs_in_with_pkce(globus: Callable[[], str]) -> None:
    url = globus()
    client = globus_sdk.NativeAppAuthClient(NATIVE_CLIENT, base_url=url)
    client.oauth2_start_flow("openid profile email", redirect_uri=f"{url}/v2/web/auth-code")
    answer = sign_in(client.oauth2_get_authorize_url())
    code = answer.query["code"]
    assert code in fetch(answer.headers["Location"]).body
    given = client.oauth2_exchange_code_for_tokens(code)
    assert given["access_token"]

    answer = sign_in(client.oauth2_get_authorize_url())
    stranger = globus_sdk.NativeAppAuthClient(NATIVE_CLIENT, base_url=url)
    stranger.oauth2_start_flow("openid", redirect_uri=f"{url}/v2/web/auth-code")
    with pytest.raises(globus_sdk.GlobusAPIError):
        stranger.oauth2_exchange_code_for_tokens(answer.query["code"])
