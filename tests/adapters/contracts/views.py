"""What every ``Views`` does. A test class inherits this and gives the fixture ``views``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.ports import Change, Conflict, Put, Remove, Views


class ViewsContract:
    def test_a_new_view_is_at_zero(self, views: Views) -> None:
        assert views.position("v") == 0
        assert views.get("v", "pk") is None
        assert views.query("v", "pk") == []

    def test_rows_and_position_move_together(self, views: Views) -> None:
        views.commit("v", [Put("pk", "a", {"n": 1}), Put("pk", "b", {"n": 2})], after=0, position=3)
        assert views.position("v") == 3
        assert views.get("v", "pk", "a") == {"n": 1}
        assert views.query("v", "pk") == [("a", {"n": 1}), ("b", {"n": 2})]

    def test_a_batch_without_changes_still_moves_on(self, views: Views) -> None:
        views.commit("v", [], after=0, position=7)
        assert views.position("v") == 7

    def test_a_slower_reader_changes_nothing(self, views: Views) -> None:
        views.commit("v", [Put("pk", "a", {"n": 1})], after=0, position=1)
        with pytest.raises(Conflict):
            views.commit("v", [Put("pk", "a", {"n": 2})], after=0, position=2)
        assert views.get("v", "pk", "a") == {"n": 1}
        assert views.position("v") == 1

    def test_rows_are_replaced_and_removed(self, views: Views) -> None:
        views.commit("v", [Put("pk", "a", {"n": 1}), Put("pk", "b", {})], after=0, position=1)
        views.commit("v", [Put("pk", "a", {"n": 2}), Remove("pk", "b")], after=1, position=2)
        assert views.query("v", "pk") == [("a", {"n": 2})]
        views.commit("v", [Remove("pk", "never there")], after=2, position=3)

    def test_of_two_changes_to_a_row_the_later_wins(self, views: Views) -> None:
        changes: list[Change] = [
            Put("pk", "a", {"n": 1}),
            Remove("pk", "a"),
            Put("pk", "a", {"n": 2}),
        ]
        views.commit("v", changes, after=0, position=1)
        assert views.get("v", "pk", "a") == {"n": 2}

    def test_views_are_apart(self, views: Views) -> None:
        views.commit("v", [Put("pk", "a", {"n": 1})], after=0, position=5)
        assert views.position("w") == 0
        assert views.get("w", "pk", "a") is None

    def test_a_partition_is_read_in_pages_both_ways(self, views: Views) -> None:
        changes: list[Change] = [Put("pk", f"{n}", {"n": n}) for n in range(5)]
        changes.append(Put("other", "0", {}))
        views.commit("v", changes, after=0, position=1)

        def keys(**how: Any) -> list[str]:
            return [sk for sk, _ in views.query("v", "pk", **how)]

        assert keys(limit=2) == ["0", "1"]
        assert keys(after="1", limit=2) == ["2", "3"]
        assert keys(descending=True, limit=2) == ["4", "3"]
        assert keys(descending=True, after="3") == ["2", "1", "0"]

    def test_a_batch_of_hundreds_of_rows_is_one_commit(self, views: Views) -> None:
        changes = [Put("pk", f"{n:04d}", {"n": n}) for n in range(300)]
        views.commit("v", changes, after=0, position=300)
        assert len(views.query("v", "pk")) == 300
        assert views.position("v") == 300

    def test_reset_forgets_rows_and_position(self, views: Views) -> None:
        views.commit("v", [Put("pk", "a", {})], after=0, position=9)
        views.commit("w", [Put("pk", "a", {})], after=0, position=9)
        views.reset("v")
        assert (views.position("v"), views.query("v", "pk")) == (0, [])
        assert views.position("w") == 9

    def test_of_many_readers_one_commits_each_position(self, views: Views) -> None:
        def attempt(n: int) -> bool:
            try:
                views.commit("v", [Put("pk", str(n), {})], after=0, position=1)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(16))) == 1
        assert len(views.query("v", "pk")) == 1
