"""The whole service in one thread and in memory, with a fuse that kills it at any outside call.

What a real process does in threads is pumped here step by step, so that every run is repeatable.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from domain.context import acting
from domain.errors import InputRejected, NotFound
from domain.job import Job
from domain.leases import LEASE
from domain.log import LoggedEvent, read_log
from domain.plans import PLANS, Plan
from domain.ports import (
    Annotation,
    Interrupted,
    Limits,
    ObjectHead,
    Options,
    Product,
    Provenance,
    ReferenceInfo,
)
from domain.ports.annotation import PLAIN
from domain.service import AnnotationService
from domain.subscription import Standing
from entrypoints.bootstrap import Gas
from entrypoints.follow import Pulse
from entrypoints.relay import run_relay
from entrypoints.settings import Settings
from entrypoints.views import catch_up
from entrypoints.worker import handle
from projections.listeners import LISTENERS
from tests.builders import NOON
from tests.memory import (
    MemoryArchive,
    MemoryBus,
    MemoryMailer,
    MemoryObjects,
    MemoryQueue,
    MemoryRecords,
    MemoryTimer,
    MemoryViews,
)

GOOD = (
    b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nc\t1\t.\tA\tT\t.\t.\t.\n"
)
BAD = b"not a VCF at all\n"


class Killed(BaseException):
    """The process ended here; nothing after this line of it ever ran."""


class Fuse:
    """Counts the points between outside calls and kills at one of them.

    Each call has two: before anything happened, and after it happened but before anybody knew.
    """

    def __init__(self, blow_at: int | None = None) -> None:
        self.points = 0
        self.blow_at = blow_at

    @property
    def blown(self) -> bool:
        return self.blow_at is not None and self.points >= self.blow_at

    def pass_point(self, part: str = "") -> None:
        """``part`` is the collaborator that is called."""
        self.points += 1
        if self.blown:
            raise Killed


class Fused:
    """A collaborator whose every method is an outside call."""

    def __init__(self, target: Any, fuse: Fuse) -> None:
        self._target = target
        self._fuse = fuse
        self._part = type(target).__name__

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._guard(found) if callable(found) else found

    def _guard(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._fuse.pass_point(self._part)
            result = method(*args, **kwargs)
            self._fuse.pass_point(self._part)
            return result

        return call


class MemoryAnnotator:
    """Upper-cases what it is given, rejects what is no VCF, and stops when told to."""

    def references(self) -> Sequence[ReferenceInfo]:
        return [ReferenceInfo("toy", "Toy", "None", "T1", (("c", 10),), "00")]

    def example(self, reference: str) -> bytes:
        if reference != "toy":
            raise NotFound(f"There is no reference {reference}.")
        return GOOD

    def provenance(self, reference: str, options: Options = PLAIN) -> Provenance:
        return Provenance("toy engine", "1", reference, "00", "")

    def peek(self, head: bytes, *, complete: bool, reference: str, limits: Limits) -> None:
        if not head:
            raise InputRejected("empty_file")

    def annotate(
        self,
        source: BinaryIO,
        *,
        reference: str,
        workdir: Path,
        limits: Limits,
        progress: Callable[[str, int], None],
        stopped: Callable[[], bool],
        options: Options = PLAIN,
    ) -> Annotation:
        data = source.read()
        progress("annotating", 50)
        if stopped():
            raise Interrupted
        (workdir / "log.txt").write_text("a log\n")
        if not data.startswith(b"##fileformat"):
            raise InputRejected("no_header", line=1)
        (workdir / "annotated.vcf.gz").write_bytes(data.upper())
        return Annotation(
            products=tuple(_product(workdir / n) for n in ("annotated.vcf.gz", "log.txt")),
            input_sha256=hashlib.sha256(data).hexdigest(),
            provenance=self.provenance(reference),
            records_in=1,
            records_out=1,
        )


def _product(path: Path) -> Product:
    data = path.read_bytes()
    return Product(path.name, path, len(data), hashlib.sha256(data).hexdigest(), "text/plain")


class OnePass(Pulse):
    """Ends a follower when it has reached the end of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.done = False

    def wait(self, seen: int, seconds: float) -> int:
        self.done = True
        return seen


class Generous(AnnotationService):
    """Everybody has room for the jobs of a test."""

    name = "gas"

    def plan_of(self, user: UUID) -> Plan:
        return PLANS["premium"]


class Paid(Generous):
    """Everybody pays, so that nothing is ever archived."""

    name = "gas"

    def standing_of(self, user: UUID) -> Standing:
        return Standing(paid=True)


@cache
def settings_of(folder: Path) -> Settings:
    """Reading them takes longer than a whole short life of the service in memory."""
    return Settings(data_dir=folder)


class World:
    """What lasts over a crash (log, records, views, files), and the process that dies."""

    def __init__(
        self, tmp_path: Path, *, seed: int = 0, service: type[AnnotationService] = Paid
    ) -> None:
        self.random = random.Random(seed)
        self.now = NOON
        self.tmp_path = tmp_path
        self.settings = settings_of(tmp_path)
        self.service = service({"PERSISTENCE_MODULE": "eventsourcing.popo"}, clock=self.clock)
        self.recorder = self.service.recorder
        self.records, self.views = MemoryRecords(), MemoryViews()
        self.uploads, self.files = MemoryObjects(), MemoryObjects()
        self.archive = MemoryArchive(self.files, self.clock)
        self.queues = {name: MemoryQueue(name) for name in LISTENERS}
        self.mailer = MemoryMailer()
        self.owner = UUID(int=seed + 1)  # ids follow from it: every run is the same run
        self.start()

    def clock(self) -> datetime:
        return self.now

    def start(self, fuse: Fuse | None = None) -> None:
        """A new process over what has lasted."""
        self.fuse = fuse or Fuse()
        self.service.events.recorder = self._fused(self.recorder)
        queues = {name: self._fused(queue) for name, queue in self.queues.items()}
        self.gas = Gas(
            self.settings,
            clock=self.clock,
            service=self.service,
            records=self._fused(self.records),
            views=self._fused(self.views),
            uploads=self._fused(self.uploads),
            files=self._fused(self.files),
            queues=queues,
            bus=self._fused(MemoryBus(self.queues)),
            archive=self._fused(self.archive),
            renew_seconds=math.inf,
            timer=self._fused(MemoryTimer(self.queues["archival"], self.clock)),
            annotator=self._fused(MemoryAnnotator()),
            mailer=self._fused(self.mailer),
        )

    def _fused(self, target: Any) -> Any:
        return Fused(target, self.fuse)

    def restart(self) -> None:
        """A new process, after leases ran out and messages became visible again."""
        self.time_passes(LEASE)
        self.start()

    def time_passes(self, how_long: timedelta) -> None:
        self.now += how_long
        for queue in self.queues.values():
            queue.time_passes()

    # --- what people do --------------------------------------------------------------------------

    def submit(self, data: bytes = GOOD, *, upload_id: str, owner: UUID | None = None) -> Job:
        owner = owner or self.owner
        with acting(f"user:{owner}"):
            self.gas.uploading.receive(owner, filename="f.vcf", data=data, upload_id=upload_id)
            recorded = self.gas.submission.submit(owner, upload_id=upload_id, reference="toy")
        return recorded.aggregate

    # --- what runs -------------------------------------------------------------------------------

    def relay(self) -> None:
        pulse = OnePass()
        run_relay(
            self.gas.service,
            self.gas.records,
            self.gas.bus,
            stopping=lambda: pulse.done,
            pulse=pulse,
        )

    def keep_views(self) -> None:
        end = self.recorder.max_notification_id() or 0
        for view in self.gas.kept_views:
            if self.views.position(view.name) < end:
                catch_up(self.gas.service, self.gas.views, view)

    def work(self, queue: str, worker: str = "one") -> bool:
        """Handle one message of a queue; whether there was one."""
        received = self.gas.queues[queue].receive(wait_seconds=0)
        for delivery in received:
            handle(
                self.gas.queues[queue],
                self.gas.work(queue, worker),
                delivery,
                stopping=lambda: self.fuse.blown,
                extend_every=math.inf,
            )
        return bool(received)

    def settle(self) -> None:
        """Everything runs, time passes and the sweeper sweeps until nothing is left to do."""
        for _ in range(30):
            self.relay()
            self.keep_views()
            while sum(self.work(name) for name in self.queues):
                self.relay()
                self.keep_views()
            if not self.gas.views.query("open_work", "open"):
                return
            self.time_passes(LEASE)
            self.gas.sweeper.sweep()
        raise AssertionError("the world does not come to rest")

    # --- what has happened -----------------------------------------------------------------------

    def log(self) -> list[LoggedEvent]:
        return read_log(self.service, after=0, limit=10_000)

    def events_of(self, job_id: UUID) -> list[str]:
        return [e.topic for e in self.log() if e.aggregate_id == job_id]

    def file(self, key: str) -> bytes:
        return self.files.first_bytes(key, 2**30)

    def heads(self) -> list[ObjectHead]:
        return list(self.files.list())
