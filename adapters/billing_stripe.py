"""Paid plans at Stripe (port ``Billing``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.errors import DomainError, NotFound
from domain.ports.billing import BillingEvent, BillingFailed, Checkout, PaidSubscription

if TYPE_CHECKING:
    from stripe import RequestOptions, StripeClient, Subscription
    from stripe.checkout import Session
    from stripe.params import CustomerCreateParams
    from stripe.params.checkout import SessionCreateParams

USER = "gas_user"  # our key in Stripe's metadata
TOLERANCE_SECONDS = 300


class ForgedWebhook(DomainError):
    """A webhook that Stripe did not sign, or signed too long ago; nothing was done."""

    code = "forged_webhook"


class StripeBilling:
    """One price at Stripe. ``base_url`` is the loopback stand-in's; without it Stripe's own.

    ``webhook_secrets``: several while one is being rotated.
    """

    def __init__(
        self,
        api_key: str,
        *,
        price: str,
        webhook_secrets: tuple[str, ...],
        base_url: str | None = None,
        retries: int = 2,
    ) -> None:
        self._api_key = api_key
        self._price = price
        self._secrets = webhook_secrets
        self._base_url = base_url
        self._retries = retries
        self._made: StripeClient | None = None

    def customer(self, user: UUID, *, name: str, email: str) -> str:
        about: CustomerCreateParams = {
            "name": name,
            "email": email,
            "metadata": {USER: str(user)},
        }
        with _translated():
            made = self._client.v1.customers.create(about, _once(f"customer-{user}", about))
        return made.id

    def forget_customer(self, customer: str) -> None:
        with _translated(), _missing_is_fine():
            self._client.v1.customers.delete(customer)

    def start_checkout(
        self, user: UUID, customer: str, *, success_url: str, cancel_url: str, key: str
    ) -> Checkout:
        wanted: SessionCreateParams = {
            "mode": "subscription",
            "customer": customer,
            "client_reference_id": str(user),
            "line_items": [{"price": self._price, "quantity": 1}],
            "subscription_data": {"metadata": {USER: str(user)}},
            "success_url": success_url,
            "cancel_url": cancel_url,
        }
        with _translated():
            session = self._client.v1.checkout.sessions.create(
                wanted, _once(f"checkout-{user}-{key}", wanted)
            )
        return _checkout(session)

    def checkout(self, checkout_id: str) -> Checkout:
        with _translated():
            return _checkout(self._client.v1.checkout.sessions.retrieve(checkout_id))

    def portal_url(self, customer: str, *, return_url: str) -> str:
        with _translated():
            session = self._client.v1.billing_portal.sessions.create(
                {"customer": customer, "return_url": return_url}
            )
        return session.url

    def subscription(self, subscription_id: str) -> PaidSubscription:
        with _translated():
            return _subscription(self._client.v1.subscriptions.retrieve(subscription_id))

    def subscriptions(self, customer: str) -> list[PaidSubscription]:
        with _translated():
            pages = self._client.v1.subscriptions.list({"customer": customer, "status": "all"})
            return [_subscription(each) for each in pages.auto_paging_iter()]

    def cancel_now(self, subscription_id: str) -> PaidSubscription:
        with _translated():
            return _subscription(self._client.v1.subscriptions.cancel(subscription_id))

    def event(self, body: bytes, signature: str) -> BillingEvent:
        """As the port says; ``ForgedWebhook`` for anything else."""
        event = self._verified(body, signature)
        data = event["data"]["object"]
        return BillingEvent(
            id=event["id"],
            type=event["type"],
            created=_moment(event["created"]),
            subscription=_subscription_of(data),
            data=data,
        )

    def _verified(self, body: bytes, signature: str) -> dict[str, Any]:
        from stripe import SignatureVerificationError, WebhookSignature

        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise ForgedWebhook("The webhook is not text.") from error
        if not signature.isascii():
            raise ForgedWebhook("The webhook's signature is not one of Stripe's.")
        for secret in self._secrets:
            try:
                WebhookSignature.verify_header(text, signature, secret, TOLERANCE_SECONDS)
            except SignatureVerificationError:
                continue
            event: dict[str, Any] = json.loads(text)
            return event
        raise ForgedWebhook("The webhook is not signed by Stripe, or too old.")

    @property
    def _client(self) -> StripeClient:
        if self._made is None:
            from stripe import StripeClient

            self._made = StripeClient(
                self._api_key,
                base_addresses={"api": self._base_url} if self._base_url else {},
                max_network_retries=self._retries,
            )
        return self._made


def _once(key: str, parameters: Mapping[str, Any]) -> RequestOptions:
    """Stripe refuses a key that comes again with other parameters, so they are part of it."""
    digest = sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
    return {"idempotency_key": f"{key}-{digest[:32]}"}


def _checkout(session: Session) -> Checkout:
    return Checkout(
        id=session.id,
        url=session.url or "",
        status=session.status or "open",
        expires=_moment(session.expires_at),
    )


def _subscription(found: Subscription) -> PaidSubscription:
    """One that is not of our making belongs to nobody."""
    items = found["items"].data  # `.items` is a method of mappings
    return PaidSubscription(
        id=found.id,
        customer=str(found.customer),
        user=_user_of(found) if items else None,
        status=found.status,
        price=items[0].price.id if items else "",
        period_end=_moment(items[0].current_period_end if items else found.created),
        cancel_at_period_end=bool(found.cancel_at_period_end),
    )


def _user_of(found: Subscription) -> UUID | None:
    metadata: Mapping[str, str] = found.to_dict().get("metadata") or {}
    try:
        return UUID(metadata[USER])
    except (KeyError, ValueError):
        return None


def _subscription_of(data: dict[str, Any]) -> str:
    """Of a subscription, a checkout session, or an invoice in its older and newer shape."""
    if data.get("object") == "subscription":
        return str(data["id"])
    details = (data.get("parent") or {}).get("subscription_details") or {}
    return str(data.get("subscription") or details.get("subscription") or "")


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@contextmanager
def _missing_is_fine() -> Iterator[None]:
    from stripe import InvalidRequestError

    try:
        yield
    except InvalidRequestError as error:
        if error.http_status != 404:
            raise


@contextmanager
def _translated() -> Iterator[None]:
    import stripe

    try:
        yield
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            raise NotFound("Stripe knows nothing of that id.") from error
        raise BillingFailed(f"Stripe refused: {error.user_message}", retryable=False) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise BillingFailed("Stripe does not accept our key.", retryable=False) from error
    except stripe.StripeError as error:
        raise BillingFailed("Stripe cannot be reached.", retryable=True) from error
