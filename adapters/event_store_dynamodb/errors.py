"""What can go wrong, by name. Every message says what to do.

**Invariant.** `IntegrityError` is raised for one thing only: a rival really wrote that version (or
tracking position). Callers repeat their business logic on it, so nothing else may look like it.
"""

from __future__ import annotations

from typing import Any

import botocore.exceptions as botocore
from eventsourcing.persistence import DataError, OperationalError, PersistenceError
from eventsourcing.persistence import ProgrammingError as LibraryProgrammingError


class TableAbsent(OperationalError):
    """There is no such table, or it is still being created or restored."""


class WrongKeySchema(LibraryProgrammingError):
    """The table has other keys than pk (string) and sk (number)."""


class NotAllowed(OperationalError):
    """The credentials are missing, wrong, expired, or allow less than this module needs."""


class TooLarge(DataError):
    """The events cannot fit into one atomic write, however it is cut."""


class OutOfOrder(LibraryProgrammingError):
    """A version below the stream's last one that nobody wrote: streams only grow upwards."""


class ClockBehind(OperationalError):
    """This machine's clock is far behind the newest entry of the log."""


class LogRestored(OperationalError):
    """The log ends before a position that was seen or processed."""


class LogDamaged(OperationalError):
    """A position or version is missing although later ones are there."""


class Busy(OperationalError):
    """Refused for as long as we may wait; certainly nothing was written."""


class OutcomeUnknown(OperationalError):
    """No answer, and no way to learn whether the write happened: look before repeating."""


class Closed(OperationalError):
    """The factory was closed while, or before, this call was made."""


class Refused(Exception):
    """DynamoDB evaluated the conditions and refused. ``items``: what lies at each key of the
    request, in its order; ``None`` where nothing stood in the way."""

    def __init__(self, reasons: list[dict[str, Any]]) -> None:
        self.items = [reason.get("Item") for reason in reasons]
        super().__init__(", ".join(reason["Code"] for reason in reasons))


class Passing(Exception):
    """Repeat the identical request after a pause. ``unknown``: it may have been applied."""

    def __init__(self, detail: str, *, unknown: bool) -> None:
        self.unknown = unknown
        super().__init__(detail)


# words of the codes of what was refused before anything was written, and of what perhaps was not
NOT_APPLIED = ("Throttling", "ThroughputExceeded", "LimitExceeded", "TransactionConflict")
MAYBE_APPLIED = ("InternalServerError", "ServiceUnavailable", "TransactionInProgress")
NOT_CONFIGURED = (
    botocore.NoCredentialsError,
    botocore.PartialCredentialsError,
    botocore.NoRegionError,
)
DENIED = ("accessdenied", "unrecognizedclient", "signature", "expiredtoken", "invalidclienttoken")
POLICY = "the README of this module has the key schema and a policy to copy"
# the first line one of whose words occurs in "code: message (status)" names the error
NAMED: dict[type[PersistenceError], tuple[tuple[str, ...], str]] = {
    NotAllowed: (
        (*DENIED, "missingauthenticationtoken", "http 401", "http 403"),
        "the credentials do not allow this: correct them, or grant the policy",
    ),
    TableAbsent: (
        ("resourcenotfound",),
        "it does not exist or is not ready: check name and region, or set CREATE_TABLE=yes",
    ),
    WrongKeySchema: (
        ("schema", "missing the key", "mismatch for key"),
        "its keys must be pk (string, partition) and sk (number, sort): use another table",
    ),
    TooLarge: (
        ("size", "length less than or equal to"),
        "the size is refused: append fewer or smaller events, or keep large content in S3",
    ),
    LibraryProgrammingError: (("",), "DynamoDB does not accept the request"),
}


def translate(error: Exception, table: str) -> PersistenceError | Refused | Passing:
    """The named error for what botocore raised."""
    if isinstance(error, botocore.ClientError):
        return _translate_answer(error, table)
    if isinstance(error, NOT_CONFIGURED):
        return NotAllowed(f"AWS is not configured: {error} Set AWS_REGION and credentials.")
    if isinstance(error, botocore.ConnectionError):  # nothing was sent
        return Passing(str(error), unknown=False)
    if isinstance(error, botocore.HTTPClientError):
        return Passing(str(error), unknown=True)
    return LibraryProgrammingError(f"table {table!r}: {error}")


def _translate_answer(
    error: botocore.ClientError, table: str
) -> PersistenceError | Refused | Passing:
    answer: dict[str, Any] = dict(error.response)
    code, status = answer["Error"]["Code"], answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    reasons = answer.get("CancellationReasons", [])  # of a transaction, one for each item
    if code == "ConditionalCheckFailedException":  # of a lone put
        reasons = [{"Code": "ConditionalCheckFailed", "Item": answer.get("Item")}]
    codes = {reason.get("Code", "None") for reason in reasons} - {"None"} or {code}
    if "ConditionalCheckFailed" in codes or code == "ResourceInUseException":  # a table, made
        return Refused(reasons)
    if all(any(word in code for word in NOT_APPLIED) for code in codes):
        return Passing("/".join(sorted(codes)), unknown=False)
    if any(word in code for word in MAYBE_APPLIED) or (status or 0) >= 500:
        return Passing(code, unknown=True)
    messages = [str(reason["Message"]) for reason in reasons if reason.get("Message")]
    said = f"{code}: {'; '.join(messages) or answer['Error'].get('Message', '')} (HTTP {status})"
    words = said.replace(table, "").lower()
    kind, (_, what) = next(
        line for line in NAMED.items() if any(word in words for word in line[1][0])
    )
    return kind(f"table {table!r}: {what} ({POLICY}). DynamoDB said: {said}")
