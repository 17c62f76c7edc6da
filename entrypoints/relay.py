"""The relay: tails the log and tells the bus. At least once; nothing depends on more."""

from __future__ import annotations

from collections.abc import Callable

from domain.catalogue import cloud_event
from domain.ports import Bus, Records
from domain.service import AnnotationService
from entrypoints.follow import POLL_SECONDS, Pulse, follow

POSITION = "position"  # records: pk reader -> position
READER = "relay"


def run_relay(
    service: AnnotationService,
    records: Records,
    bus: Bus,
    *,
    stopping: Callable[[], bool],
    pulse: Pulse,
    poll_seconds: float = POLL_SECONDS,
) -> None:
    """Publish every event beyond the recorded position; the position follows what was taken."""
    record = records.get(POSITION, READER)
    after = record.value["position"] if record else 0
    for events in follow(
        service, after=after, stopping=stopping, pulse=pulse, poll_seconds=poll_seconds
    ):
        if events:
            bus.publish([cloud_event(event) for event in events])
            records.put(POSITION, READER, value={"position": events[-1].position})
