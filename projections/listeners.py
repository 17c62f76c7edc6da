"""LISTENERS: which work queue listens to which events. The one table of who listens to what."""

from __future__ import annotations

from domain.due import Step

LISTENERS: dict[str, tuple[str, ...]] = {
    "annotation": ("job.submitted.v1", "job.annotation_failed.v1"),
    "erasure": ("job.deletion_requested.v1",),
}

# which queue does a step: where the sweeper sends its hint
QUEUE_OF: dict[Step, str] = {
    Step.ANNOTATE: "annotation",
    Step.GIVE_UP: "annotation",
    Step.PURGE: "erasure",
}
