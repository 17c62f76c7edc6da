"""What the Stripe stand-in keeps and how it changes: objects, answers to repeat, webhooks to send.

Every change of an object and the events it causes are one synced transaction, written before the
answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection
from threading import RLock

from adapters.sqlite_file import SqliteFile
from entrypoints.local import stripe_objects as shape
from entrypoints.local.stripe_objects import Object

SCHEMA = """
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS object (id TEXT PRIMARY KEY, kind TEXT, value TEXT) STRICT;
CREATE TABLE IF NOT EXISTS answered (
    key TEXT PRIMARY KEY, request TEXT, status INTEGER, answer TEXT) STRICT;
CREATE TABLE IF NOT EXISTS event (
    id TEXT PRIMARY KEY, value TEXT, due REAL, tries INTEGER, delivered INTEGER) STRICT;
"""
CHECKOUT_SECONDS = 86400
LONGEST_PAUSE = 60.0


class Unknown(KeyError):
    """No object of that kind and id."""


class Refused(Exception):
    """Not possible in the object's state; the sentence says why."""


class Desk:
    """One file in the data folder."""

    def __init__(self, path: Path, url: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        self._file = SqliteFile(path, SCHEMA)
        self._url = url
        self._one_at_a_time = RLock()

    # --- objects ---------------------------------------------------------------------------------

    def get(self, kind: str, id: str) -> Object:
        """``Unknown`` when there is none."""
        row = self._file.connection.execute(
            "SELECT value FROM object WHERE kind=? AND id=?", (kind, id)
        ).fetchone()
        if row is None:
            raise Unknown(id)
        found: Object = json.loads(row["value"])
        return found

    def subscriptions(self, customer: str) -> list[Object]:
        """A customer's, newest first."""
        rows = self._file.connection.execute(
            "SELECT value FROM object WHERE kind='subscription' ORDER BY rowid DESC"
        )
        found: list[Object] = [json.loads(row["value"]) for row in rows]
        return [each for each in found if each["customer"] == customer]

    def add_customer(self, name: str, email: str, metadata: dict[str, str]) -> Object:
        made = shape.new("cus", "customer") | {"name": name, "email": email, "metadata": metadata}
        return self._keep(made)

    def delete_customer(self, id: str) -> Object:
        """Ends the customer's subscriptions, as Stripe does."""
        self.get("customer", id)
        for subscription in self.subscriptions(id):
            if subscription["status"] != "canceled":
                self.end(subscription["id"])
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM object WHERE id=?", (id,))
        return {"id": id, "object": "customer", "deleted": True}

    def open_checkout(self, wanted: Object) -> Object:
        self.get("customer", wanted["customer"])
        made = shape.new("cs", "checkout.session") | wanted
        made |= {
            "status": "open",
            "url": f"{self._url}/pay/{made['id']}",
            "expires_at": made["created"] + CHECKOUT_SECONDS,
            "subscription": None,
        }
        return self._keep(made)

    def checkout(self, id: str) -> Object:
        """As it is now: an open one expires by itself."""
        found = self.get("checkout.session", id)
        if found["status"] == "open" and found["expires_at"] < time.time():
            return self._keep(found | {"status": "expired", "url": None})
        return found

    def open_portal(self, customer: str, return_url: str) -> Object:
        self.get("customer", customer)
        made = shape.new("bps", "billing_portal.session")
        made |= {"customer": customer, "return_url": return_url}
        made["url"] = f"{self._url}/portal/{made['id']}"
        return self._keep(made)

    # --- what people do --------------------------------------------------------------------------

    def pay(self, checkout_id: str) -> Object:
        """Complete a checkout once, and start its subscription."""
        with self._one_at_a_time:
            return self._pay(checkout_id)

    def _pay(self, checkout_id: str) -> Object:
        session = self.checkout(checkout_id)
        if session["status"] != "open":
            raise Refused("This checkout is no longer open. Start again from GAS.")
        subscription = shape.subscription(session)
        done = {"status": "complete", "url": None, "subscription": subscription["id"]}
        paid = shape.invoice(subscription, status="paid")
        session |= done
        self._keep(
            session,
            subscription,
            events=[
                ("customer.subscription.created", subscription),
                ("invoice.paid", paid),
                ("checkout.session.completed", session),
            ],
        )
        return session

    def schedule_end(self, id: str, *, ends: bool) -> Object:
        """Cancel at the end of the period, or think better of it."""
        return self._change(id, {"cancel_at_period_end": ends})

    def fail_payment(self, id: str) -> Object:
        return self._change(id, {"status": "past_due"}, invoice="payment_failed")

    def mend_payment(self, id: str) -> Object:
        return self._change(id, {"status": "active"}, invoice="paid")

    def end(self, id: str) -> Object:
        """At once, for good."""
        ended = {
            "status": "canceled",
            "ended_at": int(time.time()),
            "canceled_at": int(time.time()),
        }
        return self._change(id, ended, event="customer.subscription.deleted")

    def _change(
        self,
        id: str,
        change: Object,
        *,
        event: str = "customer.subscription.updated",
        invoice: str = "",
    ) -> Object:
        with self._one_at_a_time:
            before = self.get("subscription", id)
            if before["status"] == "canceled":
                raise Refused("A subscription that has ended stays ended.")
            after = before | change
            events = [(event, after)]
            if invoice:
                events.append((f"invoice.{invoice}", shape.invoice(after, status=invoice)))
            return self._keep(after, events=events)

    def _keep(self, *objects: Object, events: list[tuple[str, Object]] | None = None) -> Object:
        with self._file.transaction() as connection:
            for each in objects:
                _write(connection, each)
            for kind, about in events or ():
                _emit(connection, kind, about)
        return objects[0]

    # --- answers to repeat -----------------------------------------------------------------------

    def answered(self, key: str, request: str) -> tuple[int, Object] | None:
        """What was answered to this key before; ``Refused`` for another request with the key."""
        row = self._file.connection.execute(
            "SELECT request, status, answer FROM answered WHERE key=?", (key,)
        ).fetchone()
        if row is None:
            return None
        if row["request"] != request:
            raise Refused("This Idempotency-Key was used for another request.")
        return int(row["status"]), json.loads(row["answer"])

    def remember(self, key: str, request: str, status: int, answer: Object) -> None:
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO answered VALUES (?, ?, ?, ?)",
                (key, request, status, json.dumps(answer)),
            )

    # --- webhooks --------------------------------------------------------------------------------

    def deliver_due(self, send: Callable[[str], bool]) -> None:
        """Send what is due; what is not taken is sent again, later each time."""
        now = time.time()
        rows = self._file.connection.execute(
            "SELECT * FROM event WHERE NOT delivered AND due<=? ORDER BY rowid", (now,)
        ).fetchall()
        for row in rows:
            taken = send(row["value"])
            pause = min(2.0 ** row["tries"], LONGEST_PAUSE)
            with self._file.transaction() as connection:
                connection.execute(
                    "UPDATE event SET delivered=?, tries=tries+1, due=? WHERE id=?",
                    (taken, now + pause, row["id"]),
                )


def _write(connection: Connection, value: Object) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO object VALUES (?, ?, ?)",
        (value["id"], value["object"], json.dumps(value)),
    )


def _emit(connection: Connection, type: str, about: Object) -> None:
    event = shape.new("evt", "event") | {"type": type, "data": {"object": about}}
    connection.execute(
        "INSERT INTO event VALUES (?, ?, ?, 0, 0)", (event["id"], json.dumps(event), time.time())
    )
