"""Stand-ins over real HTTP, on a free port of loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from adapters.cloud import Cloud
from entrypoints.local.cloud import free_port
from entrypoints.local.glacier import Vaults
from entrypoints.local.standins import bind, glacier_app, globus_app, stripe_app
from entrypoints.local.stripe import Stripe
from entrypoints.local.vault_book import Timing

CLIENT_ID, CLIENT_SECRET = "gas", "a secret of the tests"
STRIPE_KEY, WEBHOOK_SECRET = "sk_test_of_the_tests", "whsec_of_the_tests"


@contextmanager
def served(make: Callable[[int], Flask]) -> Iterator[str]:
    """The address of an application while it is served."""
    port = free_port()
    server = bind(make(port), port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def globus(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Start a Globus stand-in on the test's data folder; again for a restart."""
    with ExitStack() as running:

        def start() -> str:
            return running.enter_context(
                served(
                    lambda port: globus_app(
                        tmp_path, port, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
                    )
                )
            )

        yield start


@dataclass
class VaultStandIn:
    """A running Glacier stand-in and what it published: (topic, message)."""

    client: Any
    vaults: Vaults
    published: list[tuple[str, dict[str, Any]]]


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Callable[..., VaultStandIn]]:
    """Start a Glacier stand-in on the test's data folder; again for a restart."""
    with ExitStack() as running:

        def start(timing: Timing | None = None) -> VaultStandIn:
            published: list[tuple[str, dict[str, Any]]] = []

            def publish(topic: str, message: str) -> None:
                published.append((topic, json.loads(message)))

            quick = Timing(expedited=0.3, standard=0.6, bulk=0.9)
            app, vaults = glacier_app(tmp_path, publish, timing or quick)
            url = running.enter_context(served(lambda _: app))
            beside(running, vaults.run)
            cloud = Cloud(url, region="us-east-1", access_key="a", secret_key="b")
            return VaultStandIn(cloud.client("glacier", attempts=1), vaults, published)

        yield start


@dataclass
class StripeStandIn:
    """A running Stripe stand-in, and the webhooks a listener of ours got: (body, signature)."""

    url: str
    stand: Stripe
    got: list[tuple[bytes, str]]
    answers: list[int]  # statuses the listener gives, in turn; 200 when there is none left


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[Callable[[], StripeStandIn]]:
    """Start a Stripe stand-in on the test's data folder; again for a restart."""
    with ExitStack() as running:

        def start() -> StripeStandIn:
            got: list[tuple[bytes, str]] = []
            answers: list[int] = []
            listener = Flask("listener")

            @listener.post("/hooks/stripe")
            def take() -> tuple[str, int]:
                got.append((request.get_data(), request.headers["Stripe-Signature"]))
                return "", answers.pop(0) if answers else 200

            hooks = running.enter_context(served(lambda _: listener)) + "/hooks/stripe"
            made: list[Stripe] = []

            def make(port: int) -> Flask:
                app, stand = stripe_app(
                    tmp_path,
                    port,
                    api_key=STRIPE_KEY,
                    webhook_url=hooks,
                    webhook_secret=WEBHOOK_SECRET,
                )
                made.append(stand)
                return app

            url = running.enter_context(served(make))
            beside(running, made[0].run)
            return StripeStandIn(url, made[0], got, answers)

        yield start


def beside(running: ExitStack, run: Callable[[threading.Event], None]) -> None:
    """Run something in a thread until the stack unwinds."""
    stopped = threading.Event()
    thread = threading.Thread(target=run, args=(stopped,))
    thread.start()
    running.callback(thread.join)
    running.callback(stopped.set)
