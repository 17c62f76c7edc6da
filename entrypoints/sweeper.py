"""The sweeper: finds every job for which something is due but no message is on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from domain.due import Step
from domain.outlook import Outlook
from domain.ports import Bus, Views, WorkQueue
from domain.service import AnnotationService
from entrypoints.worker import Hint
from projections.fairness import fair_order
from projections.job_views import OPEN_WORK
from projections.listeners import QUEUE_OF
from projections.storage_due import due_by

log = structlog.get_logger()
AGAIN_AFTER = timedelta(seconds=15)
WAITING = "queue.waiting.v1"  # no queue listens to it; addresses that SNS pushes to do
MOST_UNREADABLE = 5  # in one sweep
AT_ONCE = 1000  # stored files looked at in one sweep


@dataclass
class Sweeper:
    """Asks the due table for every open job, and hints where too few hints are under way.

    It remembers what it told and where it stopped; forgetting either costs a hint or a round.
    """

    service: AnnotationService
    views: Views
    outlook: Outlook
    queues: Mapping[str, WorkQueue]
    clock: Callable[[], datetime]
    at_once: int = AT_ONCE
    told: dict[UUID, tuple[int, datetime]] = field(default_factory=dict)
    page: str = ""  # where the next look at stored files begins

    def sweep(self) -> int:
        """Send what hints are missing; how many were sent."""
        due = list(self._due())
        annotations = [hint for step, hint in due if QUEUE_OF[step] == "annotation"]
        others = [(step, hint) for step, hint in due if QUEUE_OF[step] != "annotation"]
        long_ago = self.clock() - AGAIN_AFTER
        self.told = {job: told for job, told in self.told.items() if told[1] > long_ago}
        return self._top_up(annotations) + sum(self._tell(step, hint) for step, hint in others)

    def _due(self) -> Iterator[tuple[Step, Hint]]:
        rows = self.views.query(OPEN_WORK, "open")
        waiting = fair_order(rows)
        running = sorted({job_id for job_id, _ in rows} - set(waiting))
        stored, self.page = due_by(self.views, self.clock(), after=self.page, limit=self.at_once)
        unreadable = 0
        for job_id in [*map(UUID, running + waiting), *stored]:
            try:
                job = self.service.job(job_id)
                step = self.outlook.step(job, leased=self.outlook.leases.is_held(job_id))
            except Exception:  # one job that cannot be read must not hide the others
                log.exception("sweeper.unreadable", job=str(job_id))
                unreadable += 1
                if unreadable > MOST_UNREADABLE:  # it is not the job
                    raise
                continue
            if step:
                yield step, Hint(job_id, job.version)

    def _top_up(self, hints: list[Hint]) -> int:
        """A queue with as many messages as there are due annotations needs none.

        Each message leads to the fairest job, whichever it names. If one of them is a duplicate
        the next sweep sees it.
        """
        if not hints:
            return 0
        queue = self.queues["annotation"]
        depth = queue.depth()
        missing = max(len(hints) - depth.visible - depth.in_flight - depth.delayed, 0)
        for hint in hints[:missing]:
            queue.send(hint.body())
        return missing

    def _tell(self, step: Step, hint: Hint) -> bool:
        """Other queues' messages lead to their own job: one a version, and again after a while."""
        if hint.job_id in self.told and self.told[hint.job_id][0] == hint.version:
            return False
        self.queues[QUEUE_OF[step]].send(hint.body())
        self.told[hint.job_id] = (hint.version, self.clock())
        return True


def wake(queues: Mapping[str, WorkQueue], bus: Bus) -> bool:
    """Have SNS push when any message waits; whether it was asked to.

    Timers and the sweeper send to the queues themselves, and what failed comes back to them: of
    all that SNS knows nothing.
    """
    waiting = [name for name, queue in queues.items() if queue.depth().visible]
    if waiting:
        bus.publish([{"type": WAITING, "aggregateversion": 0, "queues": waiting}])
    return bool(waiting)
