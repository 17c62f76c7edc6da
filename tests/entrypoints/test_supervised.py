"""Supervised threads: one that dies is started again, the others go on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from entrypoints.supervised import Part, Supervised


def until_stopped(stop: threading.Event) -> Callable[[], None]:
    return lambda: assert_true(stop.wait(30))


def assert_true(fact: bool) -> None:
    assert fact


def test_a_part_that_dies_is_started_again_and_the_others_go_on() -> None:
    stop, steady, lives = threading.Event(), threading.Event(), threading.Semaphore(0)

    def dies() -> None:
        lives.release()
        raise RuntimeError("an unexpected error")

    def lasts() -> None:
        steady.set()
        stop.wait(30)

    supervised = Supervised([Part("dies", dies), Part("lasts", lasts)], stop)
    supervised.start()
    assert steady.wait(10)
    assert all(lives.acquire(timeout=10) for _ in range(3))
    stop.set()
    assert supervised.drain(seconds=10) == []


def test_a_part_that_returns_too_early_is_started_again() -> None:
    stop, runs = threading.Event(), threading.Semaphore(0)
    supervised = Supervised([Part("hasty", runs.release)], stop)
    supervised.start()
    assert all(runs.acquire(timeout=10) for _ in range(2))
    stop.set()
    assert supervised.drain(seconds=10) == []


def test_who_does_not_stop_in_time_is_named() -> None:
    stop, release = threading.Event(), threading.Event()
    parts = [Part("stubborn", until_stopped(release)), Part("quick", until_stopped(stop))]
    supervised = Supervised(parts, stop)
    supervised.start()
    stop.set()
    assert supervised.drain(seconds=0.2) == ["stubborn"]
    assert supervised.drain(seconds=0.2, idle=lambda name: name == "stubborn") == []
    release.set()
    assert supervised.drain(seconds=10) == []
