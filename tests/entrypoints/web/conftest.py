"""Pages over real parts: SQLite, the embedded cloud's files, the engine. Only Globus is played."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from werkzeug.test import TestResponse

from adapters.cloud import Cloud
from domain.errors import DomainError
from domain.job import Job
from domain.ports import Identity
from entrypoints.bootstrap import Gas
from entrypoints.local.cloud import EmbeddedCloud, deploy
from entrypoints.settings import Settings
from entrypoints.views import catch_up, run_views
from entrypoints.web import register
from tests.cloud import ORIGIN, aws, cloud

__all__ = ["aws", "cloud"]


class Provider:
    """The ``IdentityProvider`` port as a person meets it: who is at the keyboard, what was said."""

    def __init__(self) -> None:
        self.person = Identity("sub-1", "Ada Example", "ada@example.org", "Lab", "access-1")
        self.nonces: dict[str, str] = {}
        self.revoked: list[str] = []
        self.down = False

    def authorize_url(self, *, state: str, nonce: str, redirect_uri: str) -> str:
        query = {"state": state, "nonce": nonce, "redirect_uri": redirect_uri}
        return "https://globus.example/authorize?" + urlencode(query)

    def approve(self, address: str) -> str:
        """What the provider does when the person agrees: back to us with a code."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = uuid4().hex
        self.nonces[code] = asked["nonce"]
        back = urlencode({"code": code, "state": asked["state"]})
        return f"{asked['redirect_uri']}?{back}"

    def identify(self, *, code: str, nonce: str, redirect_uri: str) -> Identity:
        if self.nonces.pop(code, None) != nonce:
            raise DomainError("Globus did not confirm this sign-in. Start again.")
        return self.person

    def revoke(self, access_token: str) -> None:
        if self.down:
            raise OSError("Globus is down")
        self.revoked.append(access_token)

    def sign_out_url(self, *, redirect_uri: str) -> str:
        return "https://globus.example/logout"


@dataclass
class Browser:
    """A person at a browser: keeps cookies, reads the token of the form it sends."""

    client: FlaskClient
    provider: Provider
    site: Site

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.client.get(path, base_url=ORIGIN, **kwargs)

    def send(
        self, path: str, form: dict[str, Any] | None = None, *, seen_on: str = "/", **kwargs: Any
    ) -> TestResponse:
        """Post a form with the CSRF token of the page it stands on."""
        token = hidden(self.get(seen_on).text, "csrf_token")
        data = {"csrf_token": token, **(form or {})}
        return self.client.post(path, base_url=ORIGIN, data=data, **kwargs)

    def sign_in(self, next_page: str = "") -> TestResponse:
        start = self.get("/sign-in/globus", query_string={"next": next_page} if next_page else {})
        return self.get(self.provider.approve(start.location))

    def submit(self, text: str, reference: str = "sars-cov-2", **more: str) -> UUID:
        """A job from pasted text."""
        answer = self.send(
            "/jobs",
            {
                "source": "text",
                "upload_id": uuid4().hex,
                "reference": reference,
                "text": text,
                **more,
            },
            seen_on="/new",
        )
        assert answer.status_code == 303, answer.text
        self.site.keep_views()
        return UUID(answer.location.rsplit("/", 1)[1])


@dataclass
class Site:
    """The pages and the parts behind them."""

    gas: Gas
    app: Flask
    provider: Provider
    _threads: list[threading.Thread] = field(default_factory=list)

    def browser(self) -> Browser:
        """Another browser, with no cookies yet."""
        return Browser(self.app.test_client(), self.provider, self)

    def run(self, job_id: UUID) -> Job:
        """What the worker does about a job."""
        self.keep_views()
        self.gas.work("annotation").attend(job_id, at_least=0, stopping=lambda: False)
        self.keep_views()
        return self.gas.service.job(job_id)

    def keep_views(self) -> None:
        for view in self.gas.kept_views:
            catch_up(self.gas.service, self.gas.views, view)


@pytest.fixture(scope="session")
def bucket_prefix(cloud: EmbeddedCloud) -> str:
    """One stack for the session: every job has keys of its own."""
    prefix = f"t{secrets.token_hex(6)}"
    deploy(cloud, prefix, origins=[ORIGIN])
    return prefix


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates are compiled once, not once a test."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def settings(tmp_path: Path, cloud: EmbeddedCloud, bucket_prefix: str) -> Settings:
    return Settings(
        data_dir=tmp_path,
        local=True,
        secret="for these tests only",
        stack=bucket_prefix,
        aws_endpoint=cloud.endpoint,
    )


@pytest.fixture
def site(settings: Settings, aws: Cloud, compiled: FileSystemBytecodeCache) -> Iterator[Site]:
    """A local service's pages, with the reader that keeps the views."""
    provider = Provider()
    gas = Gas(settings, identity=provider, cloud=aws)
    app = Flask("pages")
    register(app, gas)
    app.jinja_env.bytecode_cache = compiled
    stop = threading.Event()
    views = threading.Thread(
        target=run_views,
        args=(gas.service, gas.views, gas.kept_views),
        kwargs={"stopping": stop.is_set, "pulse": gas.pulse},
    )
    views.start()
    yield Site(gas, app, provider)
    stop.set()
    views.join()


@pytest.fixture
def stranger(site: Site) -> Browser:
    """A browser that nobody has signed in with."""
    return site.browser()


@pytest.fixture
def browser(site: Site) -> Browser:
    """A browser with Ada signed in."""
    browser = site.browser()
    browser.sign_in()
    return browser


@pytest.fixture
def rival(site: Site, browser: Browser) -> Browser:
    """Another person in another browser."""
    site.provider.person = Identity("sub-2", "Eve Example", "eve@example.org", "", "access-2")
    rival = site.browser()
    rival.sign_in()
    return rival


@pytest.fixture
def example(site: Site) -> str:
    return site.gas.annotator.example("sars-cov-2").decode()


def hidden(html: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"no field {name} in the page"
    return found[1]
