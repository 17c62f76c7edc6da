"""One rule for sizes, as the plans have it: 150 KB are 153,600 bytes."""

from __future__ import annotations

import pytest

from domain.errors import InputRejected
from domain.plans import PLANS
from domain.sizes import exact_size, size_in_words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1000, "1,000 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1 KB"),
        (1536, "1.5 KB"),
        (153_600, "150 KB"),
        (2**20 - 1, "1 MB"),
        (10**6, "976.6 KB"),
        (10 * 2**20, "10 MB"),
        (5 * 10**9, "4.7 GB"),
        (3000 * 2**40, "3,000 TB"),
    ],
)
def test_every_unit_is_1024_of_the_one_before(count: int, words: str) -> None:
    assert size_in_words(count) == words


def test_where_it_matters_the_bytes_stand_beside() -> None:
    assert exact_size(153_600) == "150 KB (153,600 bytes)"
    assert exact_size(153_601) == "150 KB (153,601 bytes)"
    assert exact_size(769) == "769 bytes"


def test_the_plans_limits_are_whole_in_that_rule() -> None:
    limits = [size_in_words(n) for p in PLANS.values() for n in (p.input_bytes, p.stored_bytes)]
    assert limits == ["150 KB", "1 GB", "5 GB", "2 TB"]


def test_a_file_that_is_too_large_is_told_the_limit_both_ways() -> None:
    refused = InputRejected("too_large", facts={"bytes": 153_601, "limit": 153_600})
    assert "larger than the 150 KB (153,600 bytes) your plan takes" in str(refused)
