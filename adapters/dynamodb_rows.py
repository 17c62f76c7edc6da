"""Rows in a DynamoDB table with the keys ``pk`` and ``sk`` (both strings), read page by page.

A sort key may be empty and DynamoDB allows no empty key, so every stored one begins with ``#``; the
order stays that of the UTF-8 bytes, as in SQLite. Values are JSON text: numbers stay exact.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
ATTEMPTS = 10  # against other transactions on the same rows
PASSING = {  # refused before anything was written; botocore repeats none of these itself
    "TransactionConflictException",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
}


def patiently(write: Callable[..., Any], **request: Any) -> None:
    """Make a write, and again while other transactions or the table's limit are in its way."""
    for attempt in range(ATTEMPTS):
        try:
            write(**request)
        except ClientError as error:
            if attempt == ATTEMPTS - 1 or not _codes(error) <= PASSING:
                raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - spreads rivals
        else:
            return


def is_refused(error: ClientError) -> bool:
    """Whether a condition of the write did not hold."""
    return bool(_codes(error) & {"ConditionalCheckFailedException", "ConditionalCheckFailed"})


def _codes(error: ClientError) -> set[str]:
    """Of the refusal or, for a transaction, of what it was refused for."""
    reasons: Any = error.response.get("CancellationReasons", [])
    return {r.get("Code", "None") for r in reasons} - {"None"} or {error.response["Error"]["Code"]}


def key(pk: str, sk: str = "") -> Item:
    """The key attributes of a row."""
    return {"pk": {"S": pk}, "sk": {"S": f"#{sk}"}}


def sort_key(item: Item) -> str:
    """The sort key as its owner gave it."""
    return str(item["sk"]["S"][1:])


def partition(
    client: DynamoDBClient,
    table: str,
    pk: str,
    prefix: str = "",
    *,
    after: str = "",
    descending: bool = False,
) -> Iterator[Item]:
    """Rows of one partition whose sort key begins with ``prefix`` and goes on beyond ``after``, in
    the order asked for, strongly consistent. A prefix ends with ``#``, as all stored ones do."""
    begin = f"#{prefix}"
    low, high, skipped = begin, f"{begin[:-1]}$", f"{begin}{after}" if after else ""
    if after:
        low, high = (low, skipped) if descending else (skipped, high)
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
        ExpressionAttributeValues={":pk": {"S": pk}, ":low": {"S": low}, ":high": {"S": high}},
        ScanIndexForward=not descending,
        ConsistentRead=True,
    )
    return (i for page in pages for i in page["Items"] if i["sk"]["S"] != skipped)


def scan(client: DynamoDBClient, table: str, prefix: str) -> Iterator[Item]:
    """Every row whose partition key begins with ``prefix``; reads the whole table."""
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="begins_with(pk, :prefix)",
        ExpressionAttributeValues={":prefix": {"S": prefix}},
        ConsistentRead=True,
    )
    return (item for page in pages for item in page["Items"])
