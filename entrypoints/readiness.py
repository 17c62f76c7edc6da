"""Whether everything behind the service runs: each part is asked, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from projections.listeners import LISTENERS

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

BEAT = "beat"  # records: pk "process", sk its name -> at, parts: what it does and can do now
PROCESS = "process"
BEAT_LASTS = timedelta(seconds=10)
FORGOTTEN = timedelta(minutes=1)
# what must run somewhere, in one process or in many; by GAS_CONSUMERS, what serves the queues
NEEDED = frozenset({"relay", "views", "sweeper", *LISTENERS})
NEEDED_BY = {"poll": NEEDED, "push": NEEDED - set(LISTENERS) | {"waker"}}
MOST_LAG = 1000  # events a view may be behind

log = structlog.get_logger()


def beat(gas: Gas, process: str, parts: Iterable[str]) -> None:
    """Say that a process lives, and which of its parts do."""
    now = gas.clock()
    value = {"at": now.isoformat(), "parts": sorted(set(parts))}
    expires = (now + FORGOTTEN).timestamp()
    gas.records.put(BEAT, PROCESS, process, value=value, expires=expires)


def readiness(gas: Gas, *, since: datetime) -> dict[str, str]:
    """Each part with "ok" or a sentence; ``since`` is when this process began to listen.

    An older beat may be from a work process that was killed.
    """
    return {name: _ask(check, gas, since) for name, check in CHECKS.items()}


def _ask(check: Callable[[Gas, datetime], str], gas: Gas, since: datetime) -> str:
    try:
        return check(gas, since) or "ok"
    except Exception as error:
        log.warning("readiness.failed", error=f"{type(error).__name__}: {error}")
        return f"does not answer ({type(error).__name__})"


def _log(gas: Gas, since: datetime) -> str:
    gas.service.recorder.max_notification_id()
    return ""


def _records(gas: Gas, since: datetime) -> str:
    gas.records.query(BEAT, PROCESS, limit=1)
    return ""


def _views(gas: Gas, since: datetime) -> str:
    lag = max(view_lags(gas).values())
    return f"{lag} events behind" if lag > MOST_LAG else ""


def _queues(gas: Gas, since: datetime) -> str:
    for queue in gas.queues.values():
        queue.depth()
    return ""


def _buckets(gas: Gas, since: datetime) -> str:
    for bucket in (gas.uploads, gas.files):
        next(iter(bucket.list("readiness/")), None)
    return ""


def _work(gas: Gas, since: datetime) -> str:
    heard_after = max(since, gas.clock() - BEAT_LASTS)
    running = {
        part
        for row in gas.records.query(BEAT, PROCESS)
        if datetime.fromisoformat(row.value["at"]) >= heard_after
        for part in row.value["parts"]
    }
    missing = sorted(NEEDED_BY[gas.settings.consumers] - running)
    return f"not heard of: {', '.join(missing)}" if missing else ""


def view_lags(gas: Gas) -> dict[str, int]:
    """How many events each view is behind the log."""
    end = gas.service.recorder.max_notification_id() or 0
    return {view.name: max(end - gas.views.position(view.name), 0) for view in gas.kept_views}


CHECKS: dict[str, Callable[[Gas, datetime], str]] = {
    "log": _log,
    "records": _records,
    "views": _views,
    "queues": _queues,
    "buckets": _buckets,
    "work": _work,
}
