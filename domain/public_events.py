"""The shape of `data` in each event for the outside. Within a version shapes only grow.

Times are ISO 8601 UTC text; sizes are bytes, digests SHA-256 in hex; attempts count from 1.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Nothing:
    """The event says it all."""


@dataclass(frozen=True)
class Size:
    """How large the file is."""

    bytes: int


@dataclass(frozen=True)
class PublicFile:
    """A stored file: its size and its digest."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class JobSubmitted:
    """A file was accepted; `options` are what was asked for besides the plain run."""

    owner: str
    reference: str
    options: dict[str, bool]
    input: Size


@dataclass(frozen=True)
class AnnotationStarted:
    """A worker began; `provenance` names engine, version, parameters and reference."""

    attempt: int
    provenance: dict[str, str]


@dataclass(frozen=True)
class PublicOutcome:
    """Records in and out, how many of each consequence and impact, how many were left unannotated
    for which reason, the files made, and the seconds it took."""

    files: dict[str, PublicFile]
    input_sha256: str
    records_in: int
    records_out: int
    by_consequence: dict[str, int]
    by_impact: dict[str, int]
    skipped: dict[str, int]
    seconds: float


@dataclass(frozen=True)
class AnnotationCompleted(PublicOutcome):
    """The result is there, whole."""

    attempt: int


@dataclass(frozen=True)
class PublicFailure:
    """A code of the documentation's list, the line and column of the file, and facts about it."""

    code: str
    line: int | None
    column: int | None
    facts: dict[str, str | int]


@dataclass(frozen=True)
class AnnotationFailed:
    """Why, where in the file, and whether it was the last attempt."""

    attempt: int
    failure: PublicFailure
    final: bool


@dataclass(frozen=True)
class Reason:
    """Why it happened."""

    reason: str


@dataclass(frozen=True)
class ArchiveScheduled:
    """When the result moves to cold storage, and what that time follows from."""

    due: str
    policy: str


@dataclass(frozen=True)
class ArchiveStarted:
    """The move began; `in_place`: the file itself is moved, not a copy."""

    attempt: int
    in_place: bool


@dataclass(frozen=True)
class Archived:
    """A whole copy of the result lies in cold storage."""

    attempt: int
    backend: str
    storage_class: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Failed:
    """Why this attempt failed, and whether another one follows."""

    attempt: int
    reason: str
    retryable: bool


@dataclass(frozen=True)
class ThawRequested:
    """The result is wanted back, and why."""

    attempt: int
    reason: str


@dataclass(frozen=True)
class ThawStarted:
    """Cold storage took the order: the speed asked for, the speed got, and when it is expected."""

    attempt: int
    tier_asked: str
    tier_got: str
    expected_by: str


@dataclass(frozen=True)
class Restored:
    """The result is available again, verified by its digest."""

    attempt: int
    result: PublicFile


@dataclass(frozen=True)
class Deleted:
    """How many of each kind of thing were removed."""

    removed: dict[str, int]


@dataclass(frozen=True)
class SubscriptionOpened:
    """Somebody asked for a plan; nothing is paid yet."""

    owner: str
    plan: str


@dataclass(frozen=True)
class CheckoutStarted:
    """A page for paying was made, and until when it can be used."""

    expires: str


@dataclass(frozen=True)
class PaymentFailed:
    """The payment provider could not collect; the plan lasts until then unless it succeeds."""

    attempt: int
    until: str


@dataclass(frozen=True)
class CancelScheduled:
    """The plan ends at that time."""

    at: str


@dataclass(frozen=True)
class Role:
    """The role."""

    role: str


@dataclass(frozen=True)
class TokenCreated:
    """The token's public name and what it may do; never the token."""

    token_id: str
    scopes: list[str]


@dataclass(frozen=True)
class TokenRevoked:
    """The token's public name."""

    token_id: str


@dataclass(frozen=True)
class MailPreferences:
    """The kinds of mail that are not wanted."""

    unwanted: list[str]
