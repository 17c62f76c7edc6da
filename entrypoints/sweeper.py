"""The sweeper: finds every job for which something is due but no message is on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.due import Situation, Step, next_step
from domain.errors import NotFound
from domain.leases import Leases
from domain.ports import Views, WorkQueue
from domain.service import AnnotationService
from entrypoints.worker import Hint
from projections.fairness import fair_order
from projections.job_views import OPEN_WORK
from projections.listeners import QUEUE_OF


@dataclass(frozen=True)
class Sweeper:
    """Asks the due table for every open job, and hints where too few hints are under way."""

    service: AnnotationService
    views: Views
    leases: Leases
    queues: Mapping[str, WorkQueue]
    clock: Callable[[], datetime]

    def sweep(self) -> int:
        """Send what hints are missing; how many were sent.

        A queue with as many messages as there are due jobs needs none: each message leads to the
        fairest job, whichever it names. If one of them is a duplicate the next sweep sees it.
        """
        due: dict[str, list[Hint]] = {name: [] for name in self.queues}
        for step, hint in self._due():
            due[QUEUE_OF[step]].append(hint)
        return sum(self._top_up(self.queues[name], hints) for name, hints in due.items() if hints)

    def _due(self) -> Iterator[tuple[Step, Hint]]:
        rows = self.views.query(OPEN_WORK, "open")
        waiting = fair_order(rows)
        running = [job_id for job_id, _ in rows if job_id not in set(waiting)]
        for job_id in map(UUID, running + waiting):
            try:
                job = self.service.job(job_id)
            except NotFound:
                continue
            leased = self.leases.is_held(job_id)
            step = next_step(Situation(job, self.clock(), leased=leased))
            if step:
                yield step, Hint(job_id, job.version)

    def _top_up(self, queue: WorkQueue, hints: list[Hint]) -> int:
        depth = queue.depth()
        missing = len(hints) - depth.visible - depth.in_flight - depth.delayed
        for hint in hints[: max(missing, 0)]:
            queue.send(hint.body())
        return max(missing, 0)
