"""The command line's client, when the service is not there or comes and goes."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.formparser import FormDataParser

from entrypoints.bootstrap import Gas
from entrypoints.client import Client, Refusal, Unreachable
from entrypoints.streamed_form import StreamedForm
from tests.entrypoints.running import a_gas, kept_views, served, somebody
from tests.world import GOOD


@pytest.fixture
def gas(tmp_path: Path) -> Iterator[Gas]:
    gas = a_gas(tmp_path)
    with kept_views(gas):
        yield gas


def test_a_service_that_goes_away_mid_way_is_a_sentence(gas: Gas) -> None:
    who = somebody(gas, "ada")
    with served(gas) as url:
        client = Client(url, who.token, patience=0)
        job = client.send_file("/jobs", {"reference": "toy"}, filename="f.vcf", data=GOOD)
    with pytest.raises(Unreachable, match="does not answer"):
        client.wait(job["id"], lambda _: None)


def test_a_service_that_is_started_again_is_waited_for(gas: Gas) -> None:
    who = somebody(gas, "ada")
    with served(gas) as url:
        client = Client(url, who.token)
        job = client.send_file("/jobs", {"reference": "toy"}, filename="f.vcf", data=GOOD)
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(client.wait(job["id"], lambda _: None)))
    waiting.start()
    with served(gas, port=int(url.rsplit(":", 1)[1])):
        client.post(f"/jobs/{job['id']}/cancel")
        waiting.join(20)
    assert [job["status"] for job in found] == ["cancelled"]


def test_what_is_no_answer_of_ours_is_a_sentence() -> None:
    other = Flask("other")

    @other.route("/api/v1/jobs")
    def jobs() -> Any:
        return "<html>a proxy's own page</html>", 502

    with served(app=other) as url, pytest.raises(Refusal, match="answered 502"):
        Client(url, "x").get("/jobs")


@pytest.mark.parametrize("filename", ["a.vcf", 'ü «x»".vcf', "\x00\n.vcf"])
def test_a_streamed_form_is_what_the_whole_form_would_be(tmp_path: Path, filename: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(range(256)) * 5000)
    told: list[int] = []
    sent = {"key": "uploads/ü", "policy": "p"}
    with path.open("rb") as file:
        form = StreamedForm(sent, filename, file, 1_280_000, told.append)
        body = b"".join(form)
    assert form.headers()["Content-Length"] == str(len(body))
    assert told[-1] == 1_280_000
    parser = FormDataParser()
    boundary = form.headers()["Content-Type"].split("boundary=")[1]
    _, fields, files = parser.parse(
        io.BytesIO(body), "multipart/form-data", len(body), {"boundary": boundary}
    )
    assert list(fields.items()) == list(sent.items())
    assert files["file"].stream.read() == path.read_bytes()


def test_a_file_that_shrinks_while_it_is_sent_is_not_sent_as_if_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 10)
    with path.open("rb") as file:
        form = StreamedForm({}, "f", file, 20, lambda _: None)
        with pytest.raises(OSError, match="shorter"):
            b"".join(form)
