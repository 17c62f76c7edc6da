"""The log: dense positions, whatever the sizes, the buckets and the visibility."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, Notification, Tracking

from adapters.event_store_dynamodb.errors import (
    LogDamaged,
    LogRestored,
    OutOfOrder,
    TableAbsent,
    TooLarge,
)
from tests.adapters.event_store_dynamodb.events import (
    a_factory,
    a_process_recorder,
    a_recorder,
    event,
    scripted,
    stream,
)


def ids(notifications: Any) -> list[int]:
    return [n.id for n in notifications]


def test_positions_are_dense_across_tiny_buckets(env: dict[str, str], closing: list[Any]) -> None:
    factory = a_factory(env, DYNAMODB_BUCKET="4")
    closing.append(factory)
    recorder = a_recorder(factory)
    given = [ids for n in (1, 3, 9, 2, 1, 17, 4) for ids in recorder.insert_events(stream(n))]
    assert given == list(range(1, 38))
    assert ids(recorder.select_notifications(None, 100)) == given
    for start in range(1, 38):
        assert ids(recorder.select_notifications(start, 5)) == list(
            range(start, min(start + 5, 38))
        )


def test_a_fresh_process_finds_the_end_of_a_long_log_in_few_requests(
    env: dict[str, str], closing: list[Any]
) -> None:
    writer = a_factory(env, DYNAMODB_BUCKET="4")
    reader = scripted(env, DYNAMODB_BUCKET="999")  # what is stored counts
    closing += [writer, reader]
    for n in range(1, 31):
        assert a_recorder(writer).insert_events(stream(4)) == list(range(4 * n - 3, 4 * n + 1))
    recorder = a_recorder(reader)
    reader.scripted.requests.clear()
    assert recorder.max_notification_id() == 120
    assert len(reader.scripted.requests) <= 12  # of 30 buckets
    reader.scripted.requests.clear()
    assert recorder.max_notification_id() == 120
    assert len(reader.scripted.requests) <= 2  # the newest bucket, and one not begun
    assert recorder.insert_events(stream(2)) == [121, 122]


def test_more_than_one_page_of_a_megabyte_is_read(env: dict[str, str], closing: list[Any]) -> None:
    factory = a_factory(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    big = stream(12, state=os.urandom(150_000))
    for one in big:
        recorder.insert_events([one])
    assert recorder.select_events(big[0].originator_id) == big
    assert recorder.select_events(big[0].originator_id, desc=True) == big[::-1]
    assert [n.state for n in recorder.select_notifications(1, 100)] == [e.state for e in big]


def test_an_append_beyond_one_item_is_cut_and_stays_atomic(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    big = stream(10, state=b"x" * 150_000)
    assert recorder.insert_events(big) == list(range(1, 11))
    assert recorder.select_events(big[0].originator_id) == big
    assert recorder.select_events(big[0].originator_id, gt=4, lte=7) == big[4:7]
    assert ids(recorder.select_notifications(3, 5)) == [3, 4, 5, 6, 7]
    again = event(big[0].originator_id, 7)
    with pytest.raises(IntegrityError):
        a_recorder(factory).insert_events([event(big[0].originator_id, 6), again])
    assert recorder.insert_events([event(big[0].originator_id, 11)]) == [11]


def test_what_cannot_fit_is_refused_before_anything_is_written(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    with pytest.raises(TooLarge, match="keep large content in S3"):
        recorder.insert_events(stream(1, state=b"x" * 420_000))
    with pytest.raises(TooLarge, match="fewer"):
        recorder.insert_events([event(uuid4(), 1) for _ in range(100)])
    with pytest.raises(TooLarge, match="fewer"):
        recorder.insert_events(stream(14, state=b"x" * 200_000))
    with pytest.raises(TooLarge, match="cut them up"):
        factory.aggregate_recorder("snapshots").insert_events(stream(101))
    with pytest.raises(TooLarge, match="smaller"):
        factory.aggregate_recorder("snapshots").insert_events(stream(1, state=b"x" * 450_000))
    assert recorder.max_notification_id() is None
    assert recorder.insert_events([event(uuid4(), 1) for _ in range(99)]) == list(range(1, 100))


def test_two_factories_on_one_table_share_the_log_of_a_name(
    env: dict[str, str], closing: list[Any]
) -> None:
    one, two, other = a_factory(env), a_factory(env), a_factory(env, "other")
    closing += [one, two, other]
    originator = uuid4()
    assert a_recorder(one).insert_events([event(originator, 1)]) == [1]
    assert a_recorder(two).insert_events([event(originator, 2)]) == [2]
    assert a_recorder(one).insert_events([event(originator, 3)]) == [3]
    assert a_recorder(other).insert_events([event(originator, 1)]) == [1]
    with pytest.raises(IntegrityError):
        a_recorder(two).insert_events([event(originator, 3)])
    assert len(a_recorder(two).select_events(originator)) == 3


def test_snapshots_are_apart_from_events_and_come_in_any_order(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env)
    closing.append(factory)
    snapshots = factory.aggregate_recorder("snapshots")
    originator = uuid4()
    for version in (20, 5, 12):
        snapshots.insert_events([event(originator, version)])
    assert [e.originator_version for e in snapshots.select_events(originator)] == [5, 12, 20]
    newest = snapshots.select_events(originator, desc=True, limit=1, lte=19)
    assert [e.originator_version for e in newest] == [12]
    assert a_recorder(factory).select_events(originator) == []


def test_a_stream_leaves_no_version_out(env: dict[str, str], closing: list[Any]) -> None:
    factory = a_factory(env)
    closing.append(factory)
    originator = uuid4()
    knowing, fresh = a_recorder(factory), a_recorder(a_factory(env))
    knowing.insert_events([event(originator, 1), event(originator, 2)])
    for recorder in (knowing, fresh):
        with pytest.raises(OutOfOrder, match="4 would leave a gap"):
            recorder.insert_events([event(originator, 4)])
        with pytest.raises(OutOfOrder, match="none may be left out"):
            recorder.insert_events([event(originator, 3), event(originator, 5)])
        with pytest.raises(OutOfOrder, match="no 0 any more"):
            recorder.insert_events([event(originator, 0)])
        with pytest.raises(OutOfOrder, match="start at 0 or 1"):
            recorder.insert_events([event(originator, -1)])
        with pytest.raises(OutOfOrder, match="2 would leave a gap"):
            recorder.insert_events([event(uuid4(), 2)])
        with pytest.raises(IntegrityError, match="version 2"):
            recorder.insert_events([event(originator, 2)])
    assert fresh.insert_events([event(originator, 3)]) == [3]


def test_a_stream_that_began_with_0_goes_on_with_1(env: dict[str, str], closing: list[Any]) -> None:
    factory = a_factory(env)
    closing.append(factory)
    names = [uuid4() for _ in range(3)]
    a_recorder(factory).insert_events([event(name, 0) for name in names])
    fresh = a_recorder(factory)
    assert fresh.insert_events([event(name, 1) for name in names]) == [4, 5, 6]
    with pytest.raises(IntegrityError, match="version 1"):
        a_recorder(factory).insert_events([event(names[0], 1)])
    assert [e.originator_version for e in fresh.select_events(names[1])] == [0, 1]


def test_a_binary_state_and_a_text_state_come_back_byte_for_byte(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = scripted(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    text, binary = '{"name":"Zoë"}'.encode(), b"\x00\xff{"
    recorder.insert_events([event("text", 1, text), event("text", 2, text)])
    recorder.insert_events([event("binary", 1, text), event("binary", 2, binary)])
    assert [e.state for e in recorder.select_events("text")] == [text, text]
    assert [n.state for n in recorder.select_notifications(1, 9)] == [text, text, text, binary]
    stored = factory.table.get("E#app#text", 0)
    assert stored is not None
    assert stored["body"] == {"S": '{"name":"Zoë"}{"name":"Zoë"}'}  # readable in the console


def test_a_reader_waits_for_a_slot_that_shows_late(env: dict[str, str], closing: list[Any]) -> None:
    factory = scripted(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    for _ in range(5):
        recorder.insert_events(stream(1))

    def without_the_second(client: Any, request: dict[str, Any]) -> Any:
        page = client.query(**request)
        return {**page, "Items": [i for i in page["Items"] if i["sk"]["N"] != "2"]}

    factory.scripted.script["query"] = [without_the_second] * 3
    assert ids(recorder.select_notifications(1, 10)) == [1, 2, 3, 4, 5]


def test_a_loader_waits_for_a_pack_that_shows_late(env: dict[str, str], closing: list[Any]) -> None:
    factory = scripted(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    big = stream(6, state=b"x" * 150_000)
    recorder.insert_events(big)

    def without_the_second_pack(client: Any, request: dict[str, Any]) -> Any:
        page = client.query(**request)
        return {**page, "Items": [i for i in page["Items"] if i["sk"]["N"] != "3"]}

    for how in ({}, {"desc": True}, {"gt": 1}):
        factory.scripted.script["query"] = [without_the_second_pack] * 2
        loaded: Any = recorder.select_events(big[0].originator_id, **how)
        assert len(loaded) == len(big) - int("gt" in how)


def hiding(*sort_keys: str) -> Any:
    """A query that does not yet show some items of a transaction."""

    def answer(client: Any, request: dict[str, Any]) -> Any:
        page = client.query(**request)
        return {**page, "Items": [i for i in page["Items"] if i["sk"]["N"] not in sort_keys]}

    return answer


def test_a_rival_whose_write_is_half_seen_is_a_rival(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = scripted(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    originator = uuid4()
    recorder.insert_events([event(originator, 1)])
    recorder.insert_events([event(originator, 2)])
    factory.scripted.script["query"] = [hiding("2")] * 3
    with pytest.raises(IntegrityError, match="version 2"):
        recorder.insert_events([event(originator, 2)])
    big = stream(6, state=b"x" * 150_000)  # two in a pack
    recorder.insert_events(big)
    fresh = scripted(env)
    closing.append(fresh)
    for version, late in ((1, "0"), (2, "0"), (3, "3"), (3, "5"), (5, "5")):
        fresh.scripted.script["query"] = [hiding(late)]
        with pytest.raises(IntegrityError, match=f"version {version}"):
            a_recorder(fresh).insert_events([event(big[0].originator_id, version)])


def test_a_deleted_entry_is_named_and_never_skipped(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    for _ in range(3):
        recorder.insert_events(stream(1))
    key = {"pk": {"S": "L#app#0#0"}, "sk": {"N": "2"}}
    factory.table.client.delete_item(TableName=factory.table.name, Key=key)
    with pytest.raises(LogDamaged, match="2 is missing from L#app"):
        recorder.select_notifications(1, 10)


# --- restored to an earlier point ----------------------------------------------------------------


def cut_back(factory: Any, keep: int) -> None:
    """What a restore to an earlier point does to the log under its users."""
    for position in range(keep + 1, keep + 50):
        key = {"pk": {"S": "L#app#0#0"}, "sk": {"N": str(position)}}
        factory.table.client.delete_item(TableName=factory.table.name, Key=key)


def test_a_log_that_was_restored_is_noticed_by_whoever_saw_more(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    for _ in range(5):
        recorder.insert_events(stream(1))
    cut_back(factory, 3)
    with pytest.raises(LogRestored, match="ends at position 3, but position 5"):
        recorder.max_notification_id()
    with pytest.raises(LogRestored, match="rebuild views"):
        a_recorder(a_factory(env)).subscribe(gt=5)
    factory.log.distrust()  # as half a minute without a write does
    with pytest.raises(LogRestored):
        recorder.insert_events(stream(1))
    assert ids(a_recorder(a_factory(env)).select_notifications(1, 10)) == [1, 2, 3]


def test_a_replaced_table_is_not_written_beyond_its_end(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    recorder.insert_events(stream(3))
    client = factory.table.client
    client.delete_table(TableName=factory.table.name)
    with pytest.raises(TableAbsent):
        recorder.insert_events(stream(1))
    a_factory(env).table.ensure()
    with pytest.raises(LogRestored):
        recorder.insert_events(stream(1))
    assert a_recorder(a_factory(env)).insert_events(stream(1)) == [1]


# --- following -----------------------------------------------------------------------------------


def test_a_subscription_remembers_what_it_scanned_not_what_it_matched(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = scripted(env)
    closing.append(factory)
    recorder = a_recorder(factory)
    for _ in range(3):
        recorder.insert_events(stream(10))
    with recorder.subscribe(topics=["rare"]) as following:
        recorder.insert_events([event(uuid4(), 1, topic="rare")])
        assert next(following).id == 31
        assert following.position == 31  # type: ignore[attr-defined]
        recorder.insert_events(stream(4))
        recorder.insert_events([event(uuid4(), 1, topic="rare")])
        factory.scripted.requests.clear()
        assert next(following).id == 36
        lows = [r["ExpressionAttributeValues"][":low"]["N"] for _, r in factory.scripted.requests]
        assert min(map(int, lows)) == 32


@pytest.mark.parametrize("same_process", [True, False])
def test_a_subscription_is_woken_soon(
    env: dict[str, str], closing: list[Any], same_process: bool
) -> None:
    reading = a_factory(env)
    writing = reading if same_process else a_factory(env)
    closing += [reading, writing]
    writer = a_recorder(writing)
    writer.insert_events(stream(1))
    with a_recorder(reading).subscribe(gt=1) as following, ThreadPoolExecutor(1) as pool:
        delays = []
        for _ in range(3):
            waiting = pool.submit(lambda: (next(following), time.monotonic()))
            time.sleep(0.3)  # long enough for the follower to be asleep
            written = time.monotonic()
            writer.insert_events(stream(1))
            delays.append(waiting.result(timeout=5)[1] - written)
        assert min(delays) < (0.15 if same_process else 0.5)


def test_a_waiting_subscription_can_be_stopped_from_another_thread(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env)
    closing.append(factory)
    following = a_recorder(factory).subscribe()
    ended: list[list[Notification]] = []
    thread = threading.Thread(target=lambda: ended.append(list(following)))
    thread.start()
    following.stop()
    thread.join(5)
    assert ended == [[]]


def test_events_and_position_are_recorded_together_or_not_at_all(
    env: dict[str, str], closing: list[Any]
) -> None:
    factory = a_factory(env)
    closing.append(factory)
    recorder = a_process_recorder(factory)
    recorder.insert_events(stream(1), tracking=Tracking("up", 5))
    with pytest.raises(IntegrityError, match="processed up to 5"):
        recorder.insert_events(stream(1), tracking=Tracking("up", 5))
    taken = recorder.select_notifications(1, 1)[0]
    with pytest.raises(IntegrityError, match="already recorded"):
        recorder.insert_events([event(taken.originator_id, 1)], tracking=Tracking("up", 6))
    assert (recorder.max_notification_id(), recorder.max_tracking_id("up")) == (1, 5)
