"""What can go wrong, by name. Every message says what to do.

`IntegrityError` is raised for one thing only: a rival really wrote that version (or tracking
position). Callers repeat their business logic on it, so nothing else may look like it.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NotConnected
from eventsourcing.persistence import DataError, OperationalError, PersistenceError
from eventsourcing.persistence import ProgrammingError as LibraryProgrammingError

POLICY = "the README of this module has the key schema and a policy to copy"


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
    """DynamoDB evaluated the conditions and refused; one reason per item, in request order."""

    def __init__(self, reasons: list[dict[str, Any]]) -> None:
        self.reasons = reasons
        super().__init__(", ".join(reason["Code"] for reason in reasons))


class Passing(Exception):
    """Repeat the identical request after a pause. ``unknown``: it may have been applied."""

    def __init__(self, detail: str, *, unknown: bool) -> None:
        self.unknown = unknown
        super().__init__(detail)


NOT_APPLIED = {  # refused before anything was written
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionConflictException",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "LimitExceededException",
}
MAYBE_APPLIED = {"InternalServerError", "ServiceUnavailable", "TransactionInProgressException"}
DENIED = {
    "AccessDeniedException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationTokenException",
    "ExpiredTokenException",
    "InvalidClientTokenId",
}
KEY_WORDS = ("schema", "missing the key", "mismatch for key")
SIZE_WORDS = ("size", "length less than or equal to")


def translate(error: Exception, table: str) -> PersistenceError | Refused | Passing:
    """The named error for what botocore raised."""
    if isinstance(error, ClientError):
        return _translate_answer(error, table)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | NoRegionError):
        return NotAllowed(f"AWS is not configured: {error} Set AWS_REGION and credentials.")
    if isinstance(error, NotConnected):
        return Passing(str(error), unknown=False)
    if isinstance(error, HTTPClientError):
        return Passing(str(error), unknown=True)
    return LibraryProgrammingError(f"table {table!r}: {error}")


def _translate_answer(error: ClientError, table: str) -> PersistenceError | Refused | Passing:
    code = error.response["Error"]["Code"]
    message = error.response["Error"].get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "TransactionCanceledException":
        return _translate_cancelled(error, table)
    if code == "ConditionalCheckFailedException":
        item = error.response.get("Item")
        return Refused([{"Code": "ConditionalCheckFailed", "Item": item}])
    if code in NOT_APPLIED:
        return Passing(code, unknown=False)
    if code in MAYBE_APPLIED or status >= 500:
        return Passing(code, unknown=True)
    if code in DENIED or status in {401, 403}:
        return NotAllowed(f"not allowed to use table {table!r}: {message or code} ({POLICY})")
    return _translate_refused(code, message, table)


def _translate_refused(code: str, message: str, table: str) -> PersistenceError:
    if code == "ResourceNotFoundException":
        return TableAbsent(
            f"DynamoDB table {table!r} does not exist or is not ready: check DYNAMODB_TABLE, "
            f"region and endpoint; create it, or set CREATE_TABLE=yes ({POLICY})"
        )
    return _translate_invalid(f"{code}: {message}", table)


def _translate_cancelled(error: ClientError, table: str) -> PersistenceError | Refused | Passing:
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
    if "ConditionalCheckFailed" in codes:
        return Refused(reasons)
    if codes and codes <= NOT_APPLIED:
        return Passing("/".join(sorted(codes)), unknown=False)
    details = "; ".join(str(r["Message"]) for r in reasons if r.get("Message"))
    return _translate_invalid(details or str(error), table)


def _translate_invalid(message: str, table: str) -> PersistenceError:
    words = message.lower()
    if any(word in words for word in KEY_WORDS):
        return WrongKeySchema(
            f"table {table!r} must have the partition key pk (string) and the sort key sk "
            f"(number): use another table ({POLICY}). DynamoDB says: {message}"
        )
    if any(word in words for word in SIZE_WORDS):
        return TooLarge(f"DynamoDB refuses the size: {message}. Append fewer or smaller events.")
    return LibraryProgrammingError(f"table {table!r}: {message}")
