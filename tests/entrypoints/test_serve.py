"""The web server: slow senders hold no thread, and a stop lets what is under way finish."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from entrypoints.app import create_app
from entrypoints.local.cloud import free_port
from entrypoints.serve import BODY_BYTES, THREADS, run
from tests.entrypoints.running import a_gas, somebody

SLOW = 40  # more than there are threads
BEGINNINGS = {
    "nothing": b"",
    "part of a head": b"GET /quick HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: a",
    "part of a body": (
        b"POST /quick HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\na="
    ),
}


@pytest.fixture
def app() -> Flask:
    app = Flask("served")
    app.extensions["begun"], app.extensions["go on"] = threading.Event(), threading.Event()

    @app.route("/quick", methods=["GET", "POST"])
    def quick() -> str:
        return f"{len(request.get_data())} {request.headers.get('X-Forwarded-For', '')}"

    @app.route("/long")
    def long() -> str:
        app.extensions["begun"].set()
        assert app.extensions["go on"].wait(10)
        return "whole"

    return app


@contextmanager
def serving(app: Flask) -> Iterator[tuple[str, Callable[[], None], threading.Thread]]:
    """The app's address, what tells its server to stop, and the thread that ends then."""
    port, stop = free_port(), threading.Event()
    thread = threading.Thread(target=run, args=(app, port, stop.is_set))
    thread.start()
    try:
        until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}", stop.set, thread
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(fact: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def got(url: str, **how: Any) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, **how), timeout=5) as answer:
        body: bytes = answer.read()
    return body.decode()


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_forty_slow_senders_do_not_delay_anybody(app: Flask, beginning: str) -> None:
    assert SLOW > 2 * THREADS
    with serving(app) as (url, _, _), ExitStack() as slow:
        port = int(url.rsplit(":", 1)[1])
        for _ in range(SLOW):
            sender = slow.enter_context(socket.create_connection(("127.0.0.1", port)))
            sender.sendall(BEGINNINGS[beginning])
        for _ in range(3):
            began = time.monotonic()
            assert got(f"{url}/quick") == "0 "
            assert time.monotonic() - began < 2  # a thread a connection: until they give up


def test_a_body_that_comes_in_pieces_is_whole(app: Flask) -> None:
    with serving(app) as (url, _, _):
        assert got(f"{url}/quick", data=b"x" * 3_000_000) == "3000000 "


def test_a_stop_lets_what_is_under_way_finish_and_takes_nobody_new(app: Flask) -> None:
    with serving(app) as (url, stop, thread), ThreadPoolExecutor() as pool:
        answer = pool.submit(got, f"{url}/long")
        assert app.extensions["begun"].wait(10)
        stop()
        until(lambda: not answers(int(url.rsplit(":", 1)[1])))
        assert thread.is_alive()
        app.extensions["go on"].set()
        assert answer.result() == "whole"
        thread.join(10)
        assert not thread.is_alive()


def test_idle_connections_do_not_delay_a_stop(app: Flask) -> None:
    with serving(app) as (url, stop, thread):
        port = int(url.rsplit(":", 1)[1])
        with closing(socket.create_connection(("127.0.0.1", port))) as idle:
            idle.sendall(BEGINNINGS["part of a body"])
            stop()
            thread.join(2)
            assert not thread.is_alive()


def test_what_claims_to_be_forwarded_reaches_the_app_which_refuses_it(app: Flask) -> None:
    with serving(app) as (url, _, _):
        said = got(f"{url}/quick", headers={"X-Forwarded-For": "10.0.0.1"})
        assert said == "0 10.0.0.1"
        with urllib.request.urlopen(f"{url}/quick", timeout=5) as answer:
            assert "Server" not in answer.headers


def sent(url: str, *parts: bytes) -> bytes:
    """All that is answered to these bytes, until the server closes the connection."""
    port = int(url.rsplit(":", 1)[1])
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as sender:
        for part in parts:
            sender.sendall(part)
        return b"".join(iter(lambda: sender.recv(65536), b""))


POST = b"POST /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize("path", [b"api/v1/jobs", b"jobs"])
def test_what_is_much_too_large_is_refused_in_our_words_before_it_comes(
    tmp_path: Path, path: bytes
) -> None:
    gas = a_gas(tmp_path, settings={"secret": "for these tests only"})
    bearer = f"Authorization: Bearer {somebody(gas, 'ada').token}\r\n".encode()
    multipart = b"Content-Type: multipart/form-data; boundary=b\r\n"
    with serving(create_app(gas)) as (url, _, _):
        head = POST % path + bearer + multipart + b"Content-Length: 990000000\r\n\r\n"
        answer = sent(url, head)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert (b"through POST /uploads" in answer) == (path != b"jobs")
        assert (b"Upload it as a file" in answer) == (path == b"jobs")


def test_what_is_much_too_large_and_does_not_say_so_never_reaches_the_app(app: Flask) -> None:
    with serving(app) as (url, _, _):
        head = POST % b"quick" + b"Transfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%s" % (BODY_BYTES, b"x" * BODY_BYTES)
        assert b" 413 " in sent(url, head, chunk).splitlines()[0]


def test_what_is_no_http_is_refused(app: Flask) -> None:
    with serving(app) as (url, _, _):
        said = sent(url, b"GET /quick HTTP/1.1\r\nHost : a\r\n\r\n")
        assert b" 400 Bad Request" in said.splitlines()[0]
        assert got(f"{url}/quick") == "0 "
