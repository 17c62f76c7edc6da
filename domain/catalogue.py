"""CATALOGUE: what the outside is told of each event, as CloudEvents 1.0.

Domain events are translated here, field by field, so that storage keys, workers' names and module
paths never leak and the inside may change without the outside noticing. What comes out has the
shape that stands beside it, from which its JSON Schema is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from domain import public_events as public
from domain.log import LoggedEvent

LOG_NAME = "gas"
SCHEMAS = "/api/v1/schemas"
Translate = Callable[[dict[str, Any]], dict[str, Any]]


class Public(NamedTuple):
    """One type of event as the outside sees it: the shape of its data, and how to make it."""

    shape: type[Any]
    translate: Translate


def _as(shape: type[Any]) -> Public:
    """Exactly the fields of the shape, as they are."""
    names = [field.name for field in fields(shape)]
    return Public(shape, lambda data: {name: data[name] for name in names})


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
    public_fields = ("backend", "storage_class", "bytes", "sha256")
    return {"attempt": data["attempt"], **{key: data["archive"][key] for key in public_fields}}


def _restored(data: dict[str, Any]) -> dict[str, Any]:
    return {"attempt": data["attempt"], "result": _public_file(data["result"])}


def _opened(data: dict[str, Any]) -> dict[str, Any]:
    return {"owner": str(data["user"]), "plan": data["plan"]}


CATALOGUE: dict[str, Public] = {
    "job.submitted.v1": Public(public.JobSubmitted, _submitted),
    "job.annotation_started.v1": _as(public.AnnotationStarted),
    "job.annotation_completed.v1": Public(public.AnnotationCompleted, _completed),
    "job.annotation_failed.v1": _as(public.AnnotationFailed),
    "job.cancelled.v1": _as(public.Reason),
    "job.archive_scheduled.v1": _as(public.ArchiveScheduled),
    "job.archive_unscheduled.v1": _as(public.Reason),
    "job.archive_started.v1": _as(public.ArchiveStarted),
    "job.archived.v1": Public(public.Archived, _archived),
    "job.archive_failed.v1": _as(public.Failed),
    "job.source_removed.v1": _as(public.Nothing),
    "job.thaw_requested.v1": _as(public.ThawRequested),
    "job.thaw_started.v1": _as(public.ThawStarted),
    "job.restored.v1": Public(public.Restored, _restored),
    "job.thaw_failed.v1": _as(public.Failed),
    "job.archive_discarded.v1": _as(public.Nothing),
    "job.input_removed.v1": _as(public.Reason),
    "job.deletion_requested.v1": _as(public.Reason),
    "job.deleted.v1": _as(public.Deleted),
    "subscription.opened.v1": Public(public.SubscriptionOpened, _opened),
    "subscription.checkout_started.v1": _as(public.CheckoutStarted),
    "subscription.upgraded.v1": _as(public.Nothing),
    "subscription.payment_failed.v1": _as(public.PaymentFailed),
    "subscription.cancel_scheduled.v1": _as(public.CancelScheduled),
    "subscription.resumed.v1": _as(public.Reason),
    "subscription.ended.v1": _as(public.Reason),
    "account.opened.v1": _as(public.Nothing),
    "account.role_granted.v1": _as(public.Role),
    "account.role_revoked.v1": _as(public.Role),
    "account.token_created.v1": _as(public.TokenCreated),
    "account.token_revoked.v1": _as(public.TokenRevoked),
    "account.mail_preferences_changed.v1": _as(public.MailPreferences),
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
        "dataschema": f"{SCHEMAS}/{logged.topic}",
        "sequence": f"{logged.position:020d}",
        "partitionkey": str(logged.aggregate_id),
        "aggregateversion": logged.version,
        "correlationid": event.correlation_id,
        **_who(event.actor),
        **({"causationid": event.causation_id} if event.causation_id else {}),
        "data": CATALOGUE[logged.topic].translate(logged.payload),
    }
