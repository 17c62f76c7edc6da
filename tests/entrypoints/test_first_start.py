"""The first start: one example, through the public API, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.annotator_bcftools import BcftoolsAnnotator
from entrypoints.bootstrap import Gas
from entrypoints.client import Client, Unreachable
from entrypoints.first_start import annotate_example
from entrypoints.local_user import ensure_local_user, token_file
from tests.entrypoints.running import a_gas, kept_views, served


@pytest.fixture
def gas(tmp_path: Path) -> Iterator[Gas]:
    gas = a_gas(tmp_path, annotator=BcftoolsAnnotator(None))
    ensure_local_user(gas)
    with kept_views(gas):
        yield gas


@pytest.fixture
def client(gas: Gas) -> Iterator[Client]:
    with served(gas) as url:
        yield Client(url, token_file(gas.settings).read_text().strip())


def start(client: Client) -> None:
    annotate_example(lambda: client, pause=threading.Event().wait, stopping=lambda: False)


def test_the_example_is_submitted_once(client: Client) -> None:
    for _ in range(3):
        start(client)
    (job,) = client.get("/jobs")["jobs"]
    assert job["reference"] == "sars-cov-2"
    assert job["input"]["bytes"] > 100


def test_whoever_removed_it_does_not_get_it_again(client: Client) -> None:
    start(client)
    (job,) = client.get("/jobs")["jobs"]
    client.delete(f"/jobs/{job['id']}")
    start(client)
    assert client.get("/jobs")["jobs"] == []


def test_it_waits_until_the_service_answers(client: Client) -> None:
    tries: list[float] = []

    def connect() -> Client:
        if len(tries) < 3:
            raise Unreachable("not yet")
        return client

    annotate_example(connect, pause=tries.append, stopping=lambda: False)
    assert len(tries) == 3
    assert len(client.get("/jobs")["jobs"]) == 1


def test_it_gives_up_when_the_service_stops() -> None:
    def connect() -> Client:
        raise Unreachable("never")

    stop = threading.Event()
    annotate_example(connect, pause=lambda _: stop.set(), stopping=stop.is_set)
    assert stop.is_set()
