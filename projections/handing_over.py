"""A hint that comes while another kind of worker is at its job leads to nothing and is forgotten.

So whoever leaves a job tells whoever does what is due next.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from uuid import UUID

from domain.due import Step
from domain.outlook import Outlook


@dataclass(frozen=True)
class HandOver:
    """``tell`` sends a hint to the queue that does a step."""

    outlook: Outlook
    tell: Callable[[Step, UUID], None]

    def leave(self, job_id: UUID, *, mine: Container[Step]) -> None:
        """To be called when the lease is free again; what is ``mine`` I see to myself."""
        step = self.outlook.due(job_id)
        if step is not None and step not in mine:
            self.tell(step, job_id)
