"""TELLINGS: each event of a job in the words of the people whose job it is.

What is shown is decided by ``domain.catalogue``; here it is only named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from domain.rejections import sentence
from domain.stored_job import NO_LONGER_PREMIUM
from entrypoints.downloads import thaw_sentence
from entrypoints.web.formats import count, duration, moment, prose, size, words

Data = Mapping[str, Any]
Text = str | Markup
PREMIUM = "premium"  # the reason of what was not archived, or comes back


@dataclass(frozen=True, slots=True)
class Telling:
    """``icon`` of the Bootstrap set, ``tone`` of the style sheet, title and sentence."""

    icon: str
    title: str
    says: Callable[[Data], Text]
    tone: str = ""


def telling_of(name: str) -> Telling:
    """The words for a type of event; one that a newer version wrote is named by its type."""
    plain = name.removeprefix("job.").rsplit(".", 1)[0]
    return TELLINGS.get(name) or Telling("dot", words(plain).capitalize(), _nothing)


def _nothing(data: Data) -> Text:
    return ""


def _always(text: str) -> Callable[[Data], Text]:
    return lambda data: text


def _submitted(data: Data) -> Text:
    return f"A file of {size(data['input']['bytes'])} was accepted for {data['reference']}."


def _started(data: Data) -> Text:
    made = data["provenance"]
    engine = f"{made['engine']} {made['engine_version']}" if "engine" in made else "the engine"
    again = "" if data["attempt"] == 1 else ", because the one before came to no end"
    return f"Attempt {data['attempt']}, with {engine}{again}."


def _completed(data: Data) -> Text:
    whole, left = data["records_in"], sum(data["skipped"].values())
    done = "variant was" if whole == 1 else "variants were"
    return (
        f"{count(whole - left)} of {count(whole)} {done} annotated in {duration(data['seconds'])}."
    )


def _failed(data: Data) -> Text:
    found = data["failure"]
    why = sentence(found["code"], line=found["line"], column=found["column"], facts=found["facts"])
    return prose(why if data["final"] else f"{why} It is tried again by itself.")


def _scheduled(data: Data) -> Text:
    return Markup("The result can be downloaded until {}, then it is archived.").format(
        moment(data["due"])
    )


def _archived(data: Data) -> Text:
    return (
        f"The result ({size(data['bytes'])}) was moved to cold storage ({data['storage_class']})."
    )


def _not_archived(data: Data) -> Text:
    if data["reason"] == PREMIUM:
        return "The owner upgraded in time, so the result stays."
    again = (
        "It is tried again by itself." if data["retryable"] else "It is looked at again in a day."
    )
    return f"The archive did not take it, so the result stays readable for now. {again}"


def _thawing(data: Data) -> Text:
    return Markup("The archive is handing it out ({}); expected by {}.").format(
        data["tier_got"].lower(), moment(data["expected_by"])
    )


def _not_restored(data: Data) -> Text:
    if data["reason"] == NO_LONGER_PREMIUM:
        return "The owner is not on Premium any more, so the result stays archived."
    return thaw_sentence(dict(data)) or ""


def _deleted(data: Data) -> Text:
    files = data["removed"].get("files", 0)
    gone = f"{count(files)} {'file' if files == 1 else 'files'}"
    return f"{gone} and all names are gone. This history is what remains."


TELLINGS: dict[str, Telling] = {
    "job.submitted.v1": Telling("file-earmark-arrow-up", "Submitted", _submitted),
    "job.annotation_started.v1": Telling("play-fill", "Annotation started", _started),
    "job.annotation_completed.v1": Telling("check-lg", "Annotated", _completed, "good"),
    "job.annotation_failed.v1": Telling("x-lg", "Annotation failed", _failed, "bad"),
    "job.cancelled.v1": Telling("slash-lg", "Cancelled", _always("It was stopped on request.")),
    "job.archive_scheduled.v1": Telling("clock-history", "Archive date set", _scheduled),
    "job.archive_unscheduled.v1": Telling(
        "bookmark-check",
        "Archive date lifted",
        _always("The owner is on Premium: the result stays."),
    ),
    "job.archive_started.v1": Telling(
        "box-arrow-in-down", "Archiving began", _always("The result is on its way to the archive.")
    ),
    "job.archived.v1": Telling("archive", "Archived", _archived, "cold"),
    "job.archive_failed.v1": Telling("arrow-counterclockwise", "Not archived", _not_archived),
    "job.source_removed.v1": Telling(
        "eraser", "Readable copy removed", _always("The copy in the archive is the only one now.")
    ),
    "job.thaw_requested.v1": Telling(
        "box-arrow-up",
        "Restore asked for",
        _always("The owner is on Premium: the result comes back."),
    ),
    "job.thaw_started.v1": Telling("hourglass-split", "Restore under way", _thawing),
    "job.restored.v1": Telling(
        "check-lg", "Restored", _always("The result is back, byte for byte what it was."), "good"
    ),
    "job.thaw_failed.v1": Telling("x-lg", "Not restored", _not_restored, "bad"),
    "job.archive_discarded.v1": Telling(
        "eraser", "Archived copy removed", _always("The result is back, so it is not needed.")
    ),
    "job.input_removed.v1": Telling(
        "file-earmark-x", "Input removed", _always("It had been kept for its time.")
    ),
    "job.deletion_requested.v1": Telling(
        "trash", "Deletion asked for", _always("Files and names are being removed."), "bad"
    ),
    "job.deleted.v1": Telling("trash-fill", "Deleted", _deleted, "bad"),
}
