"""OUTAGES: which errors mean that something the service stands on is away or busy for the moment.

These are answered with 503 and a sentence, by pages, API and command line alike; every other error
nobody expected is a fault of ours. Kinds of errors go by their full names, so that no vendor's
library is imported for a service that does not use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from domain.errors import DomainError


class Outage(Enum):
    """What is the matter, in a sentence for people."""

    AWAY = (
        "A part of the service does not answer, or has too much to do, at the moment."
        " Nothing that was saved is lost. Try again in a moment."
    )
    UNKNOWN = (
        "A part of the service did not say in time whether this was done."
        " Look whether it was before you do it again."
    )

    def sentence(self, *, reading: bool = False) -> str:
        """For whoever only wanted to read something, nothing can have been done."""
        return str((Outage.AWAY if reading and self is Outage.UNKNOWN else self).value)


THROTTLED = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottlingError", "ThrottledException"),
        *("RequestThrottled", "RequestThrottledException", "TooManyRequestsException"),
        *("ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException"),
        *("RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "SlowDown"),
        *("TransactionConflict", "TransactionConflictException", "TransactionInProgressException"),
    }
)


def _always(kind: Outage) -> Callable[[Any], Outage]:
    return lambda _: kind


def _answer(error: Any) -> Outage | None:
    """What AWS answered; a cancelled transaction gives a reason for each of its items."""
    reasons = {each.get("Code", "None") for each in error.response.get("CancellationReasons", [])}
    codes = reasons - {"None"} or {error.response["Error"]["Code"]}
    if codes <= THROTTLED:
        return Outage.AWAY
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Outage.UNKNOWN if status >= 500 else None


def _locked(error: Any) -> Outage | None:
    name = getattr(error, "sqlite_errorname", None) or ""
    return Outage.AWAY if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) else None


def _no_connection(error: Any) -> Outage | None:
    return Outage.AWAY if isinstance(error.reason, OSError) else None


EVENT_STORE = "adapters.event_store_dynamodb.errors"
OUTAGES: dict[str, Callable[[Any], Outage | None]] = {
    "botocore.exceptions.ConnectionError": _always(Outage.AWAY),
    "botocore.exceptions.HTTPClientError": _always(Outage.UNKNOWN),  # broke off, or timed out
    "botocore.exceptions.IncompleteReadError": _always(Outage.UNKNOWN),
    "botocore.exceptions.ClientError": _answer,
    f"{EVENT_STORE}.Busy": _always(Outage.AWAY),
    f"{EVENT_STORE}.Closed": _always(Outage.AWAY),
    f"{EVENT_STORE}.OutcomeUnknown": _always(Outage.UNKNOWN),
    "eventsourcing.persistence.ConnectionUnavailableError": _always(Outage.AWAY),
    "sqlite3.OperationalError": _locked,
    "urllib.error.URLError": _no_connection,
    "builtins.ConnectionError": _always(Outage.AWAY),
    "builtins.TimeoutError": _always(Outage.UNKNOWN),
}


def outage_of(error: BaseException) -> Outage | None:
    """The outage behind an error, or None; a refusal of the domain's never is one."""
    for each in _with_causes(error):
        for kind in type(each).__mro__:
            judge = OUTAGES.get(f"{kind.__module__}.{kind.__qualname__}")
            if judge and (outage := judge(each)):
                return outage
    return None


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None and not isinstance(error, DomainError):
        yield error
        error = error.__cause__
