"""CATALOGUE: what the outside is told of each event, as CloudEvents 1.0.

Domain events are translated here, field by field, so that storage keys, workers' names and module
paths never leak and the inside may change without the outside noticing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from domain.log import LoggedEvent

LOG_NAME = "gas"
Translate = Callable[[dict[str, Any]], dict[str, Any]]


def _public_file(file: dict[str, Any] | None) -> dict[str, Any] | None:
    return {k: file[k] for k in ("bytes", "sha256") if k in file} if file else None


def _submitted(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "owner": str(data["owner"]),
        "reference": data["reference"],
        "options": data["options"],
        "input": {"bytes": data["input"]["bytes"]},
    }


def _completed(data: dict[str, Any]) -> dict[str, Any]:
    outcome = data["outcome"]
    files = {name: _public_file(file) for name, file in outcome["files"].items()}
    return {"attempt": data["attempt"], **outcome, "files": files}


def _archived(data: dict[str, Any]) -> dict[str, Any]:
    public = ("backend", "storage_class", "bytes", "sha256")
    return {"attempt": data["attempt"], **{key: data["archive"][key] for key in public}}


def _restored(data: dict[str, Any]) -> dict[str, Any]:
    return {"attempt": data["attempt"], "result": _public_file(data["result"])}


def _opened(data: dict[str, Any]) -> dict[str, Any]:
    return {"owner": str(data["user"]), "plan": data["plan"]}


def _only(*fields: str) -> Translate:
    return lambda data: {field: data[field] for field in fields}


CATALOGUE: dict[str, Translate] = {
    "job.submitted.v1": _submitted,
    "job.annotation_started.v1": _only("attempt", "provenance"),
    "job.annotation_completed.v1": _completed,
    "job.annotation_failed.v1": _only("attempt", "failure", "final"),
    "job.cancelled.v1": _only("reason"),
    "job.archive_scheduled.v1": _only("due", "policy"),
    "job.archive_unscheduled.v1": _only("reason"),
    "job.archive_started.v1": _only("attempt", "in_place"),
    "job.archived.v1": _archived,
    "job.archive_failed.v1": _only("attempt", "reason", "retryable"),
    "job.source_removed.v1": _only(),
    "job.thaw_requested.v1": _only("attempt", "reason"),
    "job.thaw_started.v1": _only("attempt", "tier_asked", "tier_got", "expected_by"),
    "job.restored.v1": _restored,
    "job.thaw_failed.v1": _only("attempt", "reason", "retryable"),
    "job.archive_discarded.v1": _only(),
    "job.input_removed.v1": _only("reason"),
    "job.deletion_requested.v1": _only("reason"),
    "job.deleted.v1": _only("removed"),
    "subscription.opened.v1": _opened,
    "subscription.checkout_started.v1": _only("expires"),
    "subscription.upgraded.v1": _only(),
    "subscription.payment_failed.v1": _only("attempt", "until"),
    "subscription.cancel_scheduled.v1": _only("at"),
    "subscription.resumed.v1": _only("reason"),
    "subscription.ended.v1": _only("reason"),
    "account.opened.v1": _only(),
    "account.role_granted.v1": _only("role"),
    "account.role_revoked.v1": _only("role"),
    "account.token_created.v1": _only("token_id", "scopes"),
    "account.token_revoked.v1": _only("token_id"),
    "account.mail_preferences_changed.v1": _only("unwanted"),
}


def _who(actor: str) -> dict[str, str]:
    """CloudEvents' auth context: a person by id; what the service did is not told apart."""
    kind, _, name = actor.partition(":")
    return {"authtype": "app_user", "authid": name} if kind == "user" else {"authtype": "system"}


def cloud_event(logged: LoggedEvent, *, source: str = "/gas") -> dict[str, Any]:
    """The public form of an event; ``sequence`` is its position, padded so that text sorts it."""
    family = logged.topic.split(".", 1)[0]
    event = logged.event
    return {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE_URL, f"{LOG_NAME}:{logged.position}")),
        "source": source,
        "type": logged.topic,
        "subject": f"{family}s/{logged.aggregate_id}",
        "time": event.timestamp.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": f"/api/v1/schemas/{logged.topic}",
        "sequence": f"{logged.position:020d}",
        "partitionkey": str(logged.aggregate_id),
        "aggregateversion": logged.version,
        "correlationid": event.correlation_id,
        **_who(event.actor),
        **({"causationid": event.causation_id} if event.causation_id else {}),
        "data": CATALOGUE[logged.topic](logged.payload),
    }
