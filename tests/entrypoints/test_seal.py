"""What is kept of somebody's secret: nothing that can be read without the service's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.ports import Identity
from entrypoints.seal import Seal
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


ADA = Identity("sub-1", "Ada", "ada@example.org", "", "access-1")


def test_what_was_sealed_is_opened_with_the_same_secret_alone() -> None:
    sealed = Seal("one").close("a token")
    assert "a token" not in sealed
    assert sealed != Seal("one").close("a token")
    assert Seal("one").open(sealed) == "a token"
    assert Seal("two").open(sealed) == ""


@pytest.mark.parametrize("broken", ["", "x", "gAAAA", "\u00fc"])
def test_what_is_no_seal_opens_to_nothing(broken: str) -> None:
    assert Seal("one").open(broken) == ""


def test_a_session_ends_although_the_secret_has_changed(world: World) -> None:
    people = world.gas.people
    secret = people.sign_in(ADA)
    later = type(people)(people.service, people.records, people.clock, Seal("another"))
    assert later.end_session(secret) == ""
    assert later.sessions(later.by_session(later.sign_in(ADA)).user) != []


def test_a_session_of_an_earlier_version_is_still_revoked(world: World) -> None:
    people = world.gas.people
    secret = people.sign_in(ADA)
    (record,) = world.gas.records.scan("session_key")
    clear = {"user": record.value["user"], "created": "", "access_token": "access-0"}
    world.gas.records.put("session_key", record.pk, value=clear)
    assert people.end_session(secret) == "access-0"
