"""No child outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from entrypoints.local import children

# a program that starts another one, writes both ids and ignores polite requests
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".new", "w") as out:
    out.write(f"{os.getpid()} {inner.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""
PARENT = """
import os, sys, time
from pathlib import Path
from entrypoints.local import children
children.start([sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ, log=Path(sys.argv[3]))
time.sleep(600)
"""


def wait_for(fact: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def ids(path: Path) -> list[int]:
    wait_for(path.exists)
    return [int(word) for word in path.read_text().split()]


@pytest.mark.kill
def test_a_killed_parent_takes_children_and_grandchildren_with_it(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", PARENT, STUBBORN, str(tmp_path / "ids"), str(tmp_path / "log")]
    parent = subprocess.Popen(argv)
    pids = ids(tmp_path / "ids")
    watchers = [p.pid for p in psutil.Process(parent.pid).children() if p.pid not in pids]
    assert len(watchers) == 1
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_for(lambda: all(gone(pid) for pid in [*pids, *watchers]))


def test_ending_a_child_ends_what_it_started_even_when_it_will_not_listen(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", STUBBORN, str(tmp_path / "ids")]
    child = children.start(argv, os.environ, log=tmp_path / "log")
    pids = ids(tmp_path / "ids")
    assert child.pid == pids[0]
    assert child.exit_code() is None
    child.end(patience=0.2)
    assert child.exit_code() == -signal.SIGKILL
    assert all(gone(pid) for pid in pids)
    child.kill()


def test_a_polite_child_may_finish(tmp_path: Path) -> None:
    program = (
        "import signal,sys,time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit(3)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)"
    )
    argv = [sys.executable, "-c", program]
    child = children.start(argv, os.environ, log=tmp_path / "log")
    wait_for(lambda: child.last_lines() == "ready")
    child.end()
    assert child.exit_code() == 3
    assert child.last_lines() == "ready\nbye"


def test_a_child_sees_the_given_environment_alone_and_no_terminal(tmp_path: Path) -> None:
    program = "import os,sys; print(sorted(os.environ)); print(repr(sys.stdin.read()))"
    argv = [sys.executable, "-I", "-c", program]
    child = children.start(argv, {"ONLY": "this"}, log=tmp_path / "log")
    child.process.wait(10)
    names, stdin = child.last_lines().splitlines()
    assert set(eval(names)) <= {"ONLY", "LC_CTYPE"}  # noqa: S307 - our own words
    assert stdin == "''"
    child.kill()


def test_a_program_that_is_not_there_says_so_in_its_log(tmp_path: Path) -> None:
    child = children.start(["/nonexistent/program"], {}, log=tmp_path / "log")
    child.process.wait(10)
    assert child.exit_code() == 1
    assert "FileNotFoundError" in child.last_lines()
    child.kill()
