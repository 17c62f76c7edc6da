"""The API over a service with real state; only files and the annotator are in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from entrypoints.app import create_app
from entrypoints.bootstrap import Gas
from tests.entrypoints.running import Somebody, a_gas, kept_views, somebody


@pytest.fixture
def gas(tmp_path: Path) -> Iterator[Gas]:
    gas = a_gas(tmp_path)
    with kept_views(gas):
        yield gas


@pytest.fixture
def app(gas: Gas) -> Any:
    return create_app(gas)


@pytest.fixture
def stranger(app: Any) -> FlaskClient:
    """Somebody without a token."""
    client: FlaskClient = app.test_client()
    return client


@pytest.fixture
def ada(gas: Gas) -> Somebody:
    return somebody(gas, "ada")


@pytest.fixture
def bob(gas: Gas) -> Somebody:
    return somebody(gas, "bob")


class Api:
    """A client of one user, with paths below /api/v1."""

    def __init__(self, client: FlaskClient, who: Somebody) -> None:
        self._client = client
        self._who = who

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)

        def ask(path: str, **how: Any) -> Any:
            headers = self._who.headers | how.pop("headers", {})
            return getattr(self._client, method)(f"/api/v1{path}", headers=headers, **how)

        return ask


@pytest.fixture
def api(app: Any, ada: Somebody) -> Api:
    return Api(app.test_client(), ada)


@pytest.fixture
def bobs_api(app: Any, bob: Somebody) -> Api:
    return Api(app.test_client(), bob)
