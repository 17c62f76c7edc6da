"""What counts as an outage, by the errors that real clients raise."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.cloud import Cloud
from adapters.dynamodb_rows import patiently
from adapters.objects_s3 import S3Objects
from adapters.records_sqlite import SqliteRecords
from domain.context import acting
from domain.errors import NotFound
from domain.service import AnnotationService
from entrypoints.cli import SET_UP
from entrypoints.local.cloud import free_port
from entrypoints.outages import OUTAGES, Outage, outage_of

KEYS = {"region": "us-east-1", "access_key": "a", "secret_key": "b"}


def cloud_at(port: int) -> Cloud:
    return Cloud(f"http://127.0.0.1:{port}", **KEYS)


def raised(act: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as found:
        act()
    return found.value


@contextmanager
def answering(status: int, body: bytes) -> Iterator[int]:
    """A server that gives one answer to everything, or hangs up for status 0; its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if status:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listed(port: int) -> object:
    return list(S3Objects(cloud_at(port).client("s3", attempts=1), "bucket").list())


def tables(port: int) -> object:
    return cloud_at(port).client("dynamodb", attempts=1).list_tables()


@pytest.mark.parametrize("ask", [listed, tables])
def test_a_port_where_nobody_listens_is_an_outage(ask: Callable[[int], object]) -> None:
    assert outage_of(raised(lambda: ask(free_port()))) is Outage.AWAY


@pytest.mark.parametrize("ask", [listed, tables])
def test_who_hangs_up_may_have_done_it(ask: Callable[[int], object]) -> None:
    with answering(0, b"") as port:
        assert outage_of(raised(lambda: ask(port))) is Outage.UNKNOWN


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ThrottlingException", Outage.AWAY),
        (400, "ProvisionedThroughputExceededException", Outage.AWAY),
        (500, "InternalServerError", Outage.UNKNOWN),
        (400, "ValidationException", None),
        (400, "ResourceNotFoundException", None),
        (400, "AccessDeniedException", None),
    ],
)
def test_what_dynamodb_answers_is_told_apart(
    status: int, code: str, expected: Outage | None
) -> None:
    with answering(status, b'{"__type":"x#%s","message":"m"}' % code.encode()) as port:
        assert outage_of(raised(lambda: tables(port))) is expected


def test_a_transaction_that_others_stood_in_the_way_of_is_an_outage() -> None:
    def refused_for(*codes: str) -> Exception:
        reasons = ",".join(f'{{"Code":"{code}"}}' for code in codes)
        body = (
            '{"__type":"x#TransactionCanceledException","message":"m",'
            f'"CancellationReasons":[{reasons}]}}'
        )
        with answering(400, body.encode()) as port:
            client = cloud_at(port).client("dynamodb", attempts=1)
            put = {"TableName": "t", "Item": {"pk": {"S": "a"}}}
            return raised(lambda: client.transact_write_items(TransactItems=[{"Put": put}]))

    assert outage_of(refused_for("None", "TransactionConflict")) is Outage.AWAY
    assert outage_of(refused_for("ConditionalCheckFailed", "TransactionConflict")) is None


def test_a_store_that_wants_less_is_an_outage() -> None:
    slow_down = b"<Error><Code>SlowDown</Code><Message>m</Message></Error>"
    with answering(503, slow_down) as port:
        assert outage_of(raised(lambda: listed(port))) is Outage.AWAY


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A database that somebody else writes to and does not finish."""
    path = tmp_path / "gas.db"
    SqliteRecords(path, now=lambda: 0.0).put("kind", "pk", value={})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield path


def test_a_locked_database_is_an_outage_and_a_wrong_statement_is_not(locked: Path) -> None:
    with closing(sqlite3.connect(locked, timeout=0)) as mine:
        assert outage_of(raised(lambda: mine.execute("DELETE FROM records"))) is Outage.AWAY
        assert outage_of(raised(lambda: mine.execute("SELECT * FROM nothing"))) is None


def test_a_log_that_is_locked_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "gas.db"
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(path),
        "SQLITE_LOCK_TIMEOUT": "0",
    }
    service = AnnotationService(env, clock=lambda: datetime.now(UTC))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with acting("system:test"):
            error = raised(lambda: service.open_account(uuid4()))
    service.close()
    assert outage_of(error) is Outage.AWAY, repr(error)


def test_a_log_that_does_not_answer_is_an_outage() -> None:
    env = {
        "PERSISTENCE_MODULE": "adapters.event_store_dynamodb",
        "DYNAMODB_TABLE": "t",
        "DYNAMODB_TIMEOUT": "0.1",
        "CREATE_TABLE": "no",
        **cloud_at(free_port()).environment(),
    }
    service = AnnotationService(env, clock=lambda: datetime.now(UTC))
    with acting("system:test"):
        error = raised(lambda: service.open_account(uuid4()))
    service.close()
    assert outage_of(error) is Outage.AWAY, repr(error)


def test_faults_of_ours_and_refusals_are_no_outages() -> None:
    refusal = NotFound("There is none.")
    refusal.__cause__ = ConnectionError("gone")
    assert outage_of(refusal) is None
    assert outage_of(KeyError("x")) is None
    assert outage_of(raised(lambda: patiently(lambda: 1 / 0))) is None


@pytest.mark.parametrize("name", [*OUTAGES, *SET_UP])
def test_every_kind_of_error_in_the_tables_exists(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(import_module(module), kind), Exception)
