"""STATUSES and IMPACTS: how each is shown, always an icon and a word, never colour alone."""

from __future__ import annotations

from typing import NamedTuple

from domain.job import FINISHED as FINAL

__all__ = ["FINAL", "IMPACTS", "STATUSES", "Status"]


class Status(NamedTuple):
    """``icon`` of the Bootstrap set, the ``word`` people read, the ``tone`` of the style sheet."""

    icon: str
    word: str
    tone: str


STATUSES: dict[str, Status] = {
    "submitted": Status("hourglass-split", "Waiting", "waiting"),
    "running": Status("arrow-repeat", "Running", "running"),
    "completed": Status("check-circle-fill", "Completed", "good"),
    "failed": Status("x-octagon-fill", "Failed", "bad"),
    "cancelled": Status("slash-circle", "Cancelled", "quiet"),
}

# how much a consequence usually matters, the worst first: as many bars as the rank
IMPACTS: dict[str, Status] = {
    "HIGH": Status("reception-4", "High", "high"),
    "MODERATE": Status("reception-3", "Moderate", "moderate"),
    "LOW": Status("reception-2", "Low", "low"),
    "MODIFIER": Status("reception-1", "Modifier", "modifier"),
}
