"""The work process: relay, views, all queues, sweeper and housekeeping, each in its own thread."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence

import structlog

from adapters.annotator_bcftools.sandbox import lacking, protections
from domain.ports import Delivery, QueueDepth, WorkQueue
from entrypoints.bootstrap import Gas, worker_name
from entrypoints.readiness import beat
from entrypoints.supervised import Part, Supervised
from entrypoints.told import Told
from entrypoints.worker import run_worker
from projections.storage_due import STORAGE_DUE, made_under

BEAT_SECONDS = 1.0
LONG_POLL = 5  # seconds; below DRAIN_SECONDS, so that a poll under way ends in time
MANY_WORKERS = ("annotation", "restoration")  # what takes long, so that one does not hold up all
DRAIN_SECONDS = 8.0
UNSENT_SECONDS = 15.0

log = structlog.get_logger()


class Polled:
    """A queue as one thread serves it; ``idle`` while that thread has no message in hand."""

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue
        self.idle = True

    @property
    def name(self) -> str:
        return self._queue.name

    def receive(self, *, wait_seconds: int, limit: int = 1) -> Sequence[Delivery]:
        self.idle = True
        deliveries = self._queue.receive(wait_seconds=wait_seconds, limit=limit)
        self.idle = not deliveries
        return deliveries

    def acknowledge(self, delivery: Delivery) -> None:
        self._queue.acknowledge(delivery)

    def hold(self, delivery: Delivery, seconds: int) -> None:
        self._queue.hold(delivery, seconds)

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        self._queue.send(body, delay_seconds=delay_seconds)

    def depth(self) -> QueueDepth:
        return self._queue.depth()

    def redrive(self) -> int:
        return self._queue.redrive()


class Process:
    """Some parts of the service as one process, until it is told to stop."""

    def __init__(self, gas: Gas) -> None:
        self.gas = gas
        self.stop = threading.Event()
        self._name = worker_name()
        self._polled: dict[str, Polled] = {}

    def run(self, parts: Sequence[Part]) -> None:
        """Run the parts until SIGTERM or SIGINT, then drain: what was begun is put back."""
        told = Told()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told.set())
        supervised = self.start(parts)
        log.info("process.started", parts=[part.name for part in parts])
        if any(part.does == "annotation" for part in parts):
            log.info("sandbox", lacks=lacking(protections()) or "nothing")
        while not told.wait(1.0) and not self.stop.is_set():
            pass
        log.info("process.stopped", left=self.drain(supervised))

    def start(self, parts: Sequence[Part]) -> Supervised:
        """Start the parts, and say from time to time which of them live."""

        def tell() -> None:
            beat(self.gas, self._name, supervised.running())

        parts = [*parts, Part("beat", self._every(BEAT_SECONDS, tell))]
        supervised = Supervised(parts, self.stop)
        supervised.start()
        return supervised

    def drain(self, supervised: Supervised) -> list[str]:
        """Tell the parts to stop and wait for them; the names of those that did not in time."""
        self.stop.set()
        self.gas.pulse.beat()
        return supervised.drain(seconds=DRAIN_SECONDS, idle=self._may_be_left)

    def all_parts(self) -> list[Part]:
        """Everything that is not web."""
        return [
            self.views(),
            *self.publishers(),
            *self.consumers(),
            self.sweeper(),
            self.unsent_mails(),
            self.housekeeping(),
            *([self.example()] if self.gas.settings.local else []),
        ]

    def consumers(self) -> Iterator[Part]:
        """What serves the queues, unless that is done where SNS pushes to."""
        if self.gas.settings.consumers == "poll":
            for name in self.gas.queues:
                yield from self.queue(name)

    def publishers(self) -> Iterator[Part]:
        """What tells the bus; nothing else may."""
        yield self.relay()
        if self.gas.settings.consumers == "push":
            yield self.waker()

    def relay(self) -> Part:
        from entrypoints.relay import run_relay

        gas = self.gas
        return Part(
            "relay",
            lambda: run_relay(
                gas.service,
                gas.records,
                gas.bus,
                stopping=self.stop.is_set,
                pulse=gas.pulse,
                poll_seconds=gas.store.poll_seconds,
            ),
            does="relay",
        )

    def views(self) -> Part:
        from entrypoints.views import follow_policy, run_views

        gas = self.gas

        def run() -> None:
            (by_policy,) = (view for view in gas.kept_views if view.name == STORAGE_DUE)
            follow_policy(gas.service, gas.views, gas.records, by_policy, made_under(gas.policy))
            run_views(
                gas.service,
                gas.views,
                gas.kept_views,
                stopping=self.stop.is_set,
                pulse=gas.pulse,
                poll_seconds=gas.store.poll_seconds,
            )

        return Part("views", run, does="views")

    def queue(self, name: str) -> Iterator[Part]:
        """One thread for each worker of a queue."""
        for number in range(self.gas.settings.workers if name in MANY_WORKERS else 1):
            part = f"{name}-{number + 1}"
            polled = self._polled[part] = Polled(self.gas.queues[name])
            yield Part(part, self._serve(polled, name), does=name)

    def sweeper(self) -> Part:
        return Part(
            "sweeper",
            self._every(self.gas.settings.sweep_seconds, self.gas.sweeper.sweep),
            does="sweeper",
        )

    def waker(self) -> Part:
        """Where nobody polls, what was delayed, put back or sent by the sweeper needs a push."""
        from entrypoints.sweeper import wake

        gas = self.gas
        return Part(
            "waker",
            self._every(gas.settings.sweep_seconds, lambda: wake(gas.queues, gas.bus)),
            does="waker",
        )

    def unsent_mails(self) -> Part:
        unsent = self.gas.unsent_mails()
        look = self._every(UNSENT_SECONDS, lambda: unsent.look(self.stop.is_set))
        return Part("unsent-mails", look)

    def housekeeping(self) -> Part:
        from entrypoints.housekeeping import tidy

        return Part(
            "housekeeping",
            self._every(self.gas.settings.housekeeping_seconds, lambda: tidy(self.gas)),
        )

    def example(self) -> Part:
        """On one machine: once, then nothing until the end."""
        from entrypoints.client import connect
        from entrypoints.first_start import annotate_example

        def run() -> None:
            annotate_example(
                lambda: connect(self.gas.settings),
                pause=self.stop.wait,
                stopping=self.stop.is_set,
            )
            self.stop.wait()

        return Part("example", run)

    def _serve(self, queue: Polled, name: str) -> Callable[[], None]:
        def run() -> None:
            work = self.gas.work(name)
            run_worker(queue, work, stopping=self.stop.is_set, wait_seconds=LONG_POLL)

        return run

    def _every(self, seconds: float, act: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            while not self.stop.is_set():
                act()
                self.stop.wait(seconds)

        return run

    def _may_be_left(self, part: str) -> bool:
        """On one machine the queues end with the service: nothing a poll could receive is lost."""
        polled = self._polled.get(part)
        return self.gas.settings.local and polled is not None and polled.idle


def begin_anew(gas: Gas) -> None:
    """Free what dead workers of this data folder held; only for who has it alone."""
    freed = gas.leases.release_all()
    shutil.rmtree(gas.settings.scratch, ignore_errors=True)
    log.info("leases.released", count=freed)
