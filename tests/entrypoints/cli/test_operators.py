"""Tokens, settings, queues, events and views by `gas`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from domain.ports import Put
from entrypoints.local.data_folder import RUN_FILE, DataFolder
from entrypoints.local_user import ensure_local_user, token_file
from projections.job_views import JOBS
from tests.entrypoints.api.jobs import views_caught_up
from tests.entrypoints.cli.conftest import Call, Running


def test_a_token_is_created_used_and_revoked(
    idle: Running, gas_command: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = gas_command("token", "create", "--name", "laptop", "--scope", "jobs:read", "--json")
    secret = made.json["token"]
    assert secret.startswith("gas_")
    (listed,) = [t for t in gas_command("token", "list", "--json").json if t["name"] == "laptop"]
    assert listed["scopes"] == ["jobs:read"]
    assert secret not in json.dumps(listed)
    monkeypatch.setenv("GAS_TOKEN", secret)
    assert gas_command("jobs").code == 0
    assert "events:read" in gas_command("events").err
    assert gas_command("token", "revoke", listed["id"]).code == 0
    assert gas_command("jobs").code == 1
    assert "no token" in gas_command("token", "revoke", listed["id"]).err


def test_the_local_users_token_is_for_its_owner_alone_and_stays(idle: Running) -> None:
    path = token_file(idle.gas.settings)
    before = path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    user = ensure_local_user(idle.gas)
    assert path.read_text() == before
    path.write_text("gas_of_another_database\n")
    assert ensure_local_user(idle.gas) == user
    assert path.stat().st_mode & 0o077 == 0
    assert idle.gas.people.by_token(path.read_text().strip()).roles == {"auditor", "operator"}


def test_events_are_one_per_line_and_can_be_chosen(
    idle: Running, gas_command: Call, one_vcf: Path
) -> None:
    job = gas_command("submit", one_vcf, "-r", "sars-cov-2").lines[0]
    views_caught_up(idle.gas)
    events = [json.loads(line) for line in gas_command("events").lines]
    assert [int(e["sequence"]) for e in events] == list(range(1, len(events) + 1))
    assert events[-1]["subject"] == f"jobs/{job}"
    chosen = gas_command("events", "--type", "job.submitted.v1", "--after", "1").lines
    assert [json.loads(line)["id"] for line in chosen] == [events[-1]["id"]]
    assert gas_command("events", "--after", len(events)).out == ""
    assert "no event type" in gas_command("events", "--type", "x.v1").err


def test_settings_say_where_they_come_from_and_hide_secrets(
    gas_command: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GAS_TOKEN", "gas_very_secret")
    monkeypatch.setenv("GAS_DATA_DIR", str(tmp_path / "nothing"))
    said = gas_command("settings", "--json")
    rows = {row["name"]: row for row in said.json}
    assert (rows["GAS_TOKEN"]["value"], rows["GAS_TOKEN"]["source"]) == ("(set)", "environment")
    assert (rows["GAS_STACK"]["value"], rows["GAS_STACK"]["source"]) == ("gas", "default")
    assert "very_secret" not in said.out + gas_command("settings").out
    assert "No service runs in" in said.err
    assert not (tmp_path / "nothing").exists(), "asking makes nothing"


MAILBOX = "http://127.0.0.1:1/hidden_path/mails"  # whoever knows the path reads the mails


def announce(running: Running, url: str, **environment: str) -> None:
    """Say in the data folder that a service with this environment is at ``url``."""
    folder = running.gas.settings.data_dir
    said = {"url": url, "pid": 0, "environment": {"GAS_DATA_DIR": str(folder), **environment}}
    (folder / RUN_FILE).write_text(json.dumps(said))


def test_settings_are_those_of_the_running_service_and_mark_what_this_shell_says_otherwise(
    idle: Running, gas_command: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(
        idle,
        idle.url,
        GAS_FREE_RETENTION="7",
        GAS_GRACE="60",
        GAS_SECRET="hidden_there",
        GAS_MAILBOX_URL=MAILBOX,
    )
    monkeypatch.setenv("GAS_GRACE", "90")
    monkeypatch.setenv("GAS_SECRET", "hidden_here")
    said = gas_command("settings", "--json")
    rows = {row["name"]: (row["value"], row["source"], row["here"]) for row in said.json}
    assert rows["GAS_FREE_RETENTION"] == ("7.0", "service", None)
    assert rows["GAS_GRACE"] == ("60.0", "service", "90.0")
    assert rows["GAS_SECRET"] == ("(set)", "service", "(set)")
    assert rows["GAS_WORKERS"] == ("2", "default", None)
    assert rows["GAS_DATA_DIR"][2] is None
    assert "This shell sets GAS_SECRET, GAS_GRACE otherwise" in said.err
    assert rows["GAS_MAILBOX_URL"] == ("http://127.0.0.1:1/…", "service", None)
    table = gas_command("settings")
    assert "(this shell: 90.0)" in table.out
    assert "hidden" not in said.out + said.err + table.out + table.err


def test_a_service_that_was_killed_is_not_taken_for_a_running_one(
    idle: Running, gas_command: Call
) -> None:
    announce(idle, "http://127.0.0.1:1", GAS_FREE_RETENTION="7")
    said = gas_command("settings", "--json")
    assert "No service runs in" in said.err
    rows = {row["name"]: row for row in said.json}
    assert rows["GAS_FREE_RETENTION"]["value"] == "300.0"


def test_dead_letters_are_shown_and_redriven(idle: Running, gas_command: Call) -> None:
    queue = idle.gas.queues["annotation"]
    while left := queue.receive(wait_seconds=0, limit=10):  # hints to other tests' jobs
        for delivery in left:
            queue.acknowledge(delivery)
    queue.send("poison")
    while not queue.depth().dead:
        for delivery in queue.receive(wait_seconds=1):
            queue.hold(delivery, 0)
    rows = {row["queue"]: row for row in gas_command("queues", "--json").json}
    assert (rows["annotation"]["visible"], rows["annotation"]["dead"]) == (0, 1)
    assert gas_command("redrive", "annotation").out == "1 moved\n"
    assert queue.depth().dead == 0
    assert "annotation" in gas_command("redrive", "nonsense").err
    assert "DEAD" in gas_command("queues").lines[0]
    for delivery in queue.receive(wait_seconds=5):
        queue.acknowledge(delivery)


def test_a_view_that_was_tampered_with_is_found_and_rebuilt(
    idle: Running, gas_command: Call, one_vcf: Path
) -> None:
    job = gas_command("submit", one_vcf, "-r", "sars-cov-2").lines[0]
    assert gas_command("cancel", job).code == 0
    end = views_caught_up(idle.gas)
    clean = gas_command("rebuild", "--check")
    assert clean.code == 0, clean.out
    row = idle.gas.views.get(JOBS, "job", job)
    assert row is not None
    changed = [Put("job", job, {**row, "status": "completed"}), Put("job", "x", row)]
    idle.gas.views.commit(JOBS, changed, after=end, position=end)
    found = gas_command("rebuild", "--check")
    assert found.code == 1
    assert f"job {job}: differs" in found.out
    assert "job x: should not be there" in found.out
    assert gas_command("rebuild").code == 0
    assert gas_command("rebuild", "--check").code == 0


def test_check_says_what_does_not_hold_and_what_to_do(
    service: Running, gas_command: Call, one_vcf: Path
) -> None:
    job = gas_command("submit", one_vcf, "-r", "sars-cov-2", "--wait").lines[0]
    with DataFolder(service.gas.settings.data_dir).locked():  # as a service that runs has it
        clean = gas_command("check", "--digests")
        assert (clean.code, clean.lines[-1].rpartition("; ")[2]) == (0, "no findings")
        key = service.gas.service.job(UUID(job)).log["key"]  # type: ignore[index]
        service.gas.files.delete([key])
        found = gas_command("check")
        assert found.code == 1
        assert found.lines[0].startswith(f"Job {job}: Its log is missing ({key}). Restore it")
        said = gas_command("check", "--json")
        (finding,) = said.json["findings"]
        assert (said.code, finding["job"]) == (1, job)
        assert (finding["promise"], said.json["counts"]["jobs"]) == ("what_was_made_is_there", 1)


def test_events_are_followed_as_they_happen(idle: Running, one_vcf: Path) -> None:
    follower = subprocess.Popen(
        [sys.executable, "-m", "entrypoints", "events", "--follow", "--type", "job.submitted.v1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    try:
        command = [sys.executable, "-m", "entrypoints", "submit", str(one_vcf), "-r", "sars-cov-2"]
        job = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        assert json.loads(follower.stdout.readline())["subject"] == f"jobs/{job}"
    finally:
        follower.kill()
        follower.communicate()
