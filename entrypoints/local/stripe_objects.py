"""What Stripe's objects and webhook signatures look like, as far as the client reads them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import Any

PERIOD_SECONDS = 30 * 86400
Object = dict[str, Any]


def signature(payload: str, secret: str, *, at: int | None = None) -> str:
    """The header Stripe sends with a webhook."""
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{at}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def new(prefix: str, kind: str) -> Object:
    made = {"id": f"{prefix}_{secrets.token_hex(12)}", "object": kind, "livemode": False}
    return made | {"created": int(time.time())}


def subscription(session: Object) -> Object:
    made = new("sub", "subscription")
    period = {
        "current_period_start": made["created"],
        "current_period_end": made["created"] + PERIOD_SECONDS,
    }
    item = new("si", "subscription_item") | period
    item |= {"quantity": 1, "price": {"id": session["price"], "object": "price"}}
    return made | {
        "customer": session["customer"],
        "status": "active",
        "cancel_at_period_end": False,
        "metadata": session["subscription_metadata"],
        "items": {"object": "list", "data": [item], "has_more": False, "url": "/v1/items"},
    }


def invoice(subscription: Object, *, status: str) -> Object:
    about = {"type": "subscription_details", "subscription_details": {}}
    about["subscription_details"] = {"subscription": subscription["id"]}
    return new("in", "invoice") | {
        "customer": subscription["customer"],
        "status": "paid" if status == "paid" else "open",
        "parent": about,
    }
