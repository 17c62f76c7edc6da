"""What every ``Records`` does. A test class inherits this and gives the fixture ``records``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.ports import Conflict, Records


class RecordsContract:
    def test_what_was_put_is_got(self, records: Records) -> None:
        value: dict[str, Any] = {"n": 1, "text": "gène", "list": [1, {"a": None}], "yes": True}
        assert records.put("kind", "pk", "sk", value=value) == 1
        found = records.get("kind", "pk", "sk")
        assert found is not None
        assert (found.pk, found.sk, found.value, found.revision) == ("pk", "sk", value, 1)

    def test_numbers_stay_exact(self, records: Records) -> None:
        value = {"big": 2**63 + 1, "real": 0.1, "whole": 1}
        records.put("kind", "pk", value=value)
        found = records.get("kind", "pk")
        assert found is not None
        assert found.value == value
        assert isinstance(found.value["whole"], int)

    def test_nothing_is_none(self, records: Records) -> None:
        assert records.get("kind", "pk") is None

    def test_kinds_are_apart(self, records: Records) -> None:
        records.put("a", "pk", value={"v": 1})
        assert records.get("b", "pk") is None
        assert [r.value for r in records.scan("a")] == [{"v": 1}]
        assert list(records.scan("b")) == []

    def test_each_write_counts_the_revision(self, records: Records) -> None:
        assert [records.put("kind", "pk", value={"v": v}) for v in range(3)] == [1, 2, 3]

    def test_a_row_is_created_once(self, records: Records) -> None:
        records.put("kind", "pk", value={"v": "first"}, expected=0)
        with pytest.raises(Conflict):
            records.put("kind", "pk", value={"v": "second"}, expected=0)
        found = records.get("kind", "pk")
        assert found is not None
        assert found.value == {"v": "first"}

    def test_a_write_over_an_older_revision_is_refused(self, records: Records) -> None:
        records.put("kind", "pk", value={"v": 1})
        records.put("kind", "pk", value={"v": 2}, expected=1)
        with pytest.raises(Conflict):
            records.put("kind", "pk", value={"v": 3}, expected=1)
        with pytest.raises(Conflict):
            records.put("kind", "other", value={"v": 3}, expected=1)

    def test_a_delete_may_expect_a_revision(self, records: Records) -> None:
        records.put("kind", "pk", value={})
        records.put("kind", "pk", value={})
        with pytest.raises(Conflict):
            records.delete("kind", "pk", expected=1)
        records.delete("kind", "pk", expected=2)
        assert records.get("kind", "pk") is None

    def test_deleting_what_is_not_there_is_fine(self, records: Records) -> None:
        records.delete("kind", "pk", "sk")
        assert records.get("kind", "pk", "sk") is None

    def test_a_partition_is_read_in_order_and_in_pages(self, records: Records) -> None:
        for sk in ("c", "a", "b", "d"):
            records.put("kind", "pk", sk, value={"sk": sk})
        records.put("kind", "other", "a", value={})

        def keys(**how: Any) -> list[str]:
            return [r.sk for r in records.query("kind", "pk", **how)]

        assert keys() == ["a", "b", "c", "d"]
        assert keys(descending=True) == ["d", "c", "b", "a"]
        assert keys(after="b") == ["c", "d"]
        assert keys(after="c", descending=True) == ["b", "a"]
        assert keys(limit=2) == ["a", "b"]
        assert keys(limit=0) == []

    def test_many_rows_are_all_read(self, records: Records) -> None:
        for n in range(120):
            records.put("kind", "pk", f"{n:04d}", value={"text": "x" * 100})
        assert [r.sk for r in records.query("kind", "pk")] == [f"{n:04d}" for n in range(120)]
        assert len(list(records.scan("kind"))) == 120

    def test_copies_are_loaded_as_they_were(self, records: Records) -> None:
        records.put("a", "pk", "sk", value={"v": 1})
        records.put("a", "pk", "sk", value={"v": 2})
        records.put("b", "pk", value={"text": "é"})
        copies = sorted(records.copies(), key=lambda c: c.kind)
        assert [(c.kind, c.record.revision) for c in copies] == [("a", 2), ("b", 1)]
        for copy in copies:
            records.delete(copy.kind, copy.record.pk, copy.record.sk)
        assert list(records.copies()) == []
        records.load(copies)
        assert sorted(records.copies(), key=lambda c: c.kind) == copies
        assert records.put("a", "pk", "sk", value={"v": 3}, expected=2) == 3

    def test_of_many_rivals_one_wins(self, records: Records) -> None:
        def attempt(n: int) -> bool:
            try:
                records.put("kind", "pk", value={"winner": n}, expected=0)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(16))) == 1


class ExpiringRecordsContract:
    """For stores that know the time; the fixture ``records`` reads it from ``clock``."""

    def test_a_row_past_its_time_is_as_good_as_absent(
        self, records: Records, clock: list[float]
    ) -> None:
        records.put("kind", "pk", "sk", value={"v": 1}, expires=clock[0] + 10)
        assert records.get("kind", "pk", "sk") is not None
        clock[0] += 11
        assert records.get("kind", "pk", "sk") is None
        assert records.query("kind", "pk") == []
        assert list(records.scan("kind")) == []
        assert records.put("kind", "pk", "sk", value={"v": 2}, expected=0) == 1
