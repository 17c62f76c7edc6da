"""Numbers and times as people read them."""

from __future__ import annotations

import pytest

from entrypoints.web.formats import between, duration, moment, prose, share, size, words
from entrypoints.web.icons import icon


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (153_600, "150 KB"),
        (1536, "1.5 KB"),
        (2**30, "1 GB"),
        (5 * 2**30, "5 GB"),
        (None, "–"),  # noqa: RUF001
    ],
)
def test_sizes_are_what_people_call_them(count: int | None, shown: str) -> None:
    assert size(count).replace("\N{NO-BREAK SPACE}", " ") == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.44, "0.4 s"), (12.2, "12 s"), (185, "3 min 5 s"), (7800, "2 h 10 min"), (None, "–")],  # noqa: RUF001
)
def test_spans_are_as_exact_as_anybody_cares(seconds: float | None, shown: str) -> None:
    assert duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == shown


def test_a_time_is_utc_for_readers_and_scripts_alike() -> None:
    html = moment("2026-11-22T06:05:04.123+02:00")
    assert 'datetime="2026-11-22T04:05:04Z"' in html
    assert html.count("22 Nov 2026, 04:05:04 UTC") == 2


def test_the_time_between_unknown_times_is_unknown() -> None:
    assert between("2026-01-01T00:00:00+00:00", None) is None
    assert between("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:01.5+00:00") == 1.5


def test_shares_and_words() -> None:
    assert share(1, 3) == 33.3
    assert share(0, 0) == 0.0
    assert words("stop_gained") == "stop gained"
    assert words("5_prime_utr") == "5\N{PRIME} UTR"
    assert words("splice_region&intron") == "splice region & intron"
    assert words("HIGH") == "High"


def test_commands_in_a_sentence_are_set_as_code_and_everything_is_escaped() -> None:
    assert prose("Run `a <b>` on <c>.") == "Run <code>a &lt;b&gt;</code> on &lt;c&gt;."
    assert prose("no `end") == "no end"


def test_an_icon_is_drawn_for_the_eye_alone() -> None:
    assert 'aria-hidden="true"' in icon("check-lg")
    with pytest.raises(LookupError):
        icon("no-such-icon")
