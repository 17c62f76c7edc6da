"""A subscription follows the payment provider's word, however often and in whatever order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from domain.context import acting
from domain.plans import CANCEL_SLACK, OVERDUE_LASTS
from domain.ports.billing import PaidSubscription
from domain.service import AnnotationService
from domain.subscription import Standing, Subscription, current
from tests.builders import NOON, paid

USER = UUID(int=7)


@pytest.fixture
def service() -> AnnotationService:
    return AnnotationService({"PERSISTENCE_MODULE": "eventsourcing.popo"}, clock=lambda: NOON)


def hear(service: AnnotationService, message: str, **changes: Any) -> None:
    with acting("system:billing"):
        service.apply_billing(USER, message=message, ask=lambda: paid(**changes))


def topics(service: AnnotationService) -> list[str]:
    notifications = service.recorder.select_notifications(start=1, limit=100)
    return [n.topic.removeprefix("subscription.").removesuffix(".v1") for n in notifications]


def test_nobody_pays_to_begin_with(service: AnnotationService) -> None:
    assert service.subscription(USER) is None
    assert service.plan_of(USER).name == "free"


def test_who_pays_is_on_the_premium_plan(service: AnnotationService) -> None:
    hear(service, "evt_1")
    assert service.plan_of(USER).name == "premium"
    assert topics(service) == ["opened", "upgraded"]


def test_the_same_message_thrice_is_applied_once(service: AnnotationService) -> None:
    for _ in range(3):
        hear(service, "evt_1")
    assert topics(service) == ["opened", "upgraded"]


def test_other_messages_that_bring_nothing_new_change_nothing(service: AnnotationService) -> None:
    for n in range(3):
        hear(service, f"evt_{n}")
    assert topics(service) == ["opened", "upgraded"]


@pytest.mark.parametrize("status", ["trialing", "active", "past_due"])
def test_who_is_entitled_stands_in_one_place(service: AnnotationService, status: str) -> None:
    hear(service, "evt_1", status=status)
    assert service.plan_of(USER).name == "premium"


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired", "canceled", "unpaid"])
def test_who_is_not(service: AnnotationService, status: str) -> None:
    hear(service, "evt_1", status=status)
    assert service.plan_of(USER).name == "free"
    hear(service, "evt_2")
    hear(service, "evt_3", status=status)
    assert service.plan_of(USER).name == "free"
    assert service.standing_of(USER) == Standing(paid=False, until=NOON)


def test_a_failed_payment_entitles_until_its_grace_ends(service: AnnotationService) -> None:
    hear(service, "evt_1")
    hear(service, "evt_2", status="past_due")
    standing = service.standing_of(USER)
    assert standing.entitled(NOON + timedelta(days=13))
    assert not standing.entitled(NOON + timedelta(days=14))
    hear(service, "evt_3")
    assert service.standing_of(USER) == Standing(paid=True)
    assert topics(service) == ["opened", "upgraded", "payment_failed", "resumed"]


def test_a_cancellation_can_be_taken_back(service: AnnotationService) -> None:
    hear(service, "evt_1")
    hear(service, "evt_2", cancel_at_period_end=True)
    found = service.subscription(USER)
    assert found is not None
    assert found.cancel_at == NOON + timedelta(days=30)
    assert service.plan_of(USER).name == "premium"
    hear(service, "evt_3")
    assert topics(service) == ["opened", "upgraded", "cancel_scheduled", "resumed"]


def test_a_cancelled_plan_ends_though_the_providers_last_word_is_lost(
    service: AnnotationService,
) -> None:
    hear(service, "evt_1", cancel_at_period_end=True)
    ends = NOON + timedelta(days=30)
    standing = service.standing_of(USER)
    assert standing.entitled(ends), "the last word may be late"
    assert not standing.entitled(ends + CANCEL_SLACK)
    hear(service, "evt_2", cancel_at_period_end=True, status="past_due")
    assert service.standing_of(USER).until == NOON + OVERDUE_LASTS, "whichever end is first"


def test_another_end_of_a_cancelled_plan_is_taken_over(service: AnnotationService) -> None:
    """What came in between, that it was kept, may have been lost."""
    hear(service, "evt_1", cancel_at_period_end=True)
    later = NOON + timedelta(days=60)
    for message in ("evt_2", "evt_3"):
        hear(service, message, cancel_at_period_end=True, period_end=later)
    assert service.standing_of(USER) == Standing(paid=True, until=later + CANCEL_SLACK)
    assert topics(service) == ["opened", "upgraded", "cancel_scheduled", "cancel_scheduled"]


def test_upgraded_again_after_the_end(service: AnnotationService) -> None:
    hear(service, "evt_1")
    hear(service, "evt_2", status="canceled")
    hear(service, "evt_3", id="sub_2")
    assert service.standing_of(USER) == Standing(paid=True)


def test_an_older_answer_is_never_recorded_over_a_newer_one(service: AnnotationService) -> None:
    """A handler that asked, and then stood still while another recorded the end, asks again."""
    hear(service, "evt_1")
    answers = iter([paid(status="past_due"), paid(status="canceled")])

    def ask() -> PaidSubscription:
        answer = next(answers)
        if answer.status == "past_due":  # the provider changes its mind, and another is faster
            hear(service, "evt_3", status="canceled")
        return answer

    with acting("system:billing"):
        service.apply_billing(USER, message="evt_2", ask=ask)
    assert not service.standing_of(USER).paid
    assert topics(service) == ["opened", "upgraded", "ended"]


def test_what_cannot_be_read_is_raised(service: AnnotationService) -> None:
    class Broken:
        def select_events(self, *args: object, **kwargs: object) -> object:
            raise IntegrityError("the store does not answer")

    service.events.recorder = Broken()  # type: ignore[assignment]
    with pytest.raises(IntegrityError):
        service.plan_of(USER)


@given(st.lists(st.sampled_from(["active", "past_due", "canceled"]), max_size=8), st.data())
def test_any_order_of_messages_ends_at_the_truth(truths: list[str], data: st.DataObject) -> None:
    """Messages come late, twice and shuffled; each leads to the provider's newest word."""
    service = AnnotationService({"PERSISTENCE_MODULE": "eventsourcing.popo"}, clock=lambda: NOON)
    for n, truth in enumerate(truths):
        for late in data.draw(st.lists(st.integers(0, n), max_size=2)):
            hear(service, f"evt_{late}", status=truth)
        hear(service, f"evt_{n}", status=truth)
    if truths:
        hear(service, "evt_last", status=truths[-1])
        assert service.standing_of(USER).paid == (truths[-1] != "canceled")


def test_of_several_subscriptions_the_paid_one_counts() -> None:
    ended, good, overdue = (
        paid(id="sub_1", status="canceled", period_end=NOON + timedelta(days=90)),
        paid(id="sub_2"),
        paid(id="sub_3", status="past_due"),
    )
    assert current([ended, overdue, good]) == good
    assert current([ended, overdue]) == overdue
    assert current([]) is None


def test_a_subscription_belongs_to_its_user() -> None:
    with acting("user:x"):
        from domain.context import at

        with at(NOON):
            one, again, other = (
                Subscription.open(USER),
                Subscription.open(USER),
                Subscription.open(uuid4()),
            )
    assert one.id == again.id != other.id


def test_what_a_plan_allowed_then_is_not_what_it_allows_now() -> None:
    """A job accepted under Premium is not refused because its owner's plan has ended since."""
    clock = [NOON]
    service = AnnotationService(
        {"PERSISTENCE_MODULE": "eventsourcing.popo"}, clock=lambda: clock[0]
    )
    assert service.plan_at(USER, NOON).name == "free"
    clock[0] = NOON + timedelta(hours=1)
    hear(service, "evt_1")
    clock[0] = NOON + timedelta(hours=3)
    hear(service, "evt_2", status="canceled")
    assert service.plan_at(USER, NOON).name == "free"
    assert service.plan_at(USER, NOON + timedelta(hours=2)).name == "premium"
    assert service.plan_at(USER, clock[0]).name == "free"
