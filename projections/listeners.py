"""LISTENERS: which work queue listens to which events. The one table of who listens to what."""

from __future__ import annotations

from domain.due import Step
from domain.mails import MAILS

LISTENERS: dict[str, tuple[str, ...]] = {
    "annotation": ("job.submitted.v1", "job.annotation_failed.v1"),
    "archival": (
        "job.annotation_completed.v1",
        "job.restored.v1",
        "subscription.upgraded.v1",
        "subscription.ended.v1",
    ),
    "restoration": ("job.archived.v1", "job.source_removed.v1", "subscription.upgraded.v1"),
    "erasure": ("job.deletion_requested.v1",),
    "notification": tuple(MAILS),
}

# which queue does a step: where the sweeper sends its hint
QUEUE_OF: dict[Step, str] = {
    Step.PURGE: "erasure",
    Step.GIVE_UP: "annotation",
    Step.ANNOTATE: "annotation",
    Step.DISCARD_ARCHIVE: "archival",
    Step.REMOVE_SOURCE: "archival",
    Step.SPARE: "archival",
    Step.FINISH_ARCHIVE: "archival",
    Step.UNSCHEDULE: "archival",
    Step.SCHEDULE: "archival",
    Step.ARCHIVE: "archival",
    Step.REMOVE_INPUT: "archival",
    Step.THAW: "restoration",
    Step.RETRIEVE: "restoration",
    Step.CANCEL_THAW: "restoration",
    Step.BRING_BACK: "restoration",
}
