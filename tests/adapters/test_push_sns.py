"""Pushes are believed when SNS signed them; signed here with a throw-away certificate."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import Message
from http.client import IncompleteRead
from typing import Any
from urllib.error import HTTPError

import pytest

from adapters.push_sns import (
    FAILURE_LASTS,
    ForgedPush,
    MalformedPush,
    SnsPushes,
    UnverifiedPush,
    canonical,
    fetch_https,
)
from tests.sns import CERTIFICATE, NOW, SUBSCRIBE, TOPIC, Sns


@pytest.fixture(scope="module")
def signer() -> Sns:
    return Sns()


@pytest.fixture
def sns(signer: Sns) -> Sns:
    signer.fetched.clear()
    return signer


def receive(sns: Sns, message: dict[str, Any]) -> str:
    return (
        SnsPushes([TOPIC], now=lambda: NOW, fetch=sns.fetch)
        .receive(json.dumps(message).encode())
        .body
    )


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_signed_message_is_believed(sns: Sns, version: str) -> None:
    assert receive(sns, sns.sign(version)) == '{"type":"job.submitted.v1"}'
    assert receive(sns, sns.sign(version, Subject="with a subject"))


def test_the_signed_bytes_are_the_ones_of_the_developer_guide() -> None:
    message = {
        "Type": "Notification",
        "MessageId": "4d4dc071-ddbf-465d-bba8-08f81c89da64",
        "TopicArn": "arn:aws:sns:us-east-2:123456789012:My-Topic",
        "Subject": "My subject",
        "Message": "Test message",
        "Timestamp": "2019-01-31T04:37:04.321Z",
    }
    assert canonical(message) == (
        b"Message\nTest message\nMessageId\n4d4dc071-ddbf-465d-bba8-08f81c89da64\n"
        b"Subject\nMy subject\nTimestamp\n2019-01-31T04:37:04.321Z\n"
        b"TopicArn\narn:aws:sns:us-east-2:123456789012:My-Topic\nType\nNotification\n"
    )


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "Signature"])
def test_any_change_breaks_it(sns: Sns, field: str) -> None:
    message = sns.sign()
    with pytest.raises(ForgedPush):
        receive(sns, message | {field: message[field] + "x"})


def test_a_subject_that_was_not_signed_breaks_it(sns: Sns) -> None:
    with pytest.raises(ForgedPush, match="does not verify"):
        receive(sns, sns.sign() | {"Subject": "added"})


def test_version_one_cannot_be_passed_off_as_version_two(sns: Sns) -> None:
    with pytest.raises(ForgedPush, match="does not verify"):
        receive(sns, sns.sign("1") | {"SignatureVersion": "2"})
    with pytest.raises(ForgedPush, match="unknown version"):
        receive(sns, sns.sign() | {"SignatureVersion": "3"})


def test_the_embedded_clouds_pushes_are_refused(sns: Sns) -> None:
    with pytest.raises(ForgedPush):
        receive(sns, sns.sign() | {"Signature": "FAKE"})


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/a.pem",
        "https://sns.us-east-1.amazonaws.com:8443/a.pem",
        "https://s3.us-east-1.amazonaws.com/bucket/a.pem",
        "https://sns.us-east-1.amazonaws.com/not-a-certificate",
        "https://sns.us-east-1.amazonaws.com/a b.pem",
        "https://sns.us-east-1.amazonaws.com/\r\nX: y.pem",
        "https://sns.us-east-1.amazonaws.com/\u00e9.pem",
        "https://[",
        "",
    ],
)
def test_a_certificate_from_elsewhere_is_not_even_fetched(sns: Sns, url: str) -> None:
    with pytest.raises(ForgedPush):
        receive(sns, sns.sign(SigningCertURL=url))
    assert sns.fetched == []


@pytest.mark.parametrize(
    "change",
    [
        {"Signature": "\u00e9"},
        {"Signature": "\ud800"},
        {"Message": "\ud800"},
        {"Subject": "\udfff"},
    ],
)
def test_what_is_no_text_is_refused(sns: Sns, change: dict[str, str]) -> None:
    """JSON can escape halves of characters."""
    with pytest.raises(ForgedPush, match="does not verify"):
        receive(sns, sns.sign() | change)


@pytest.mark.parametrize(
    "failure",
    [
        OSError("no such host"),
        HTTPError(CERTIFICATE, 403, "Forbidden", Message(), None),
        IncompleteRead(b""),
    ],
    ids=["no host", "refused", "cut off"],
)
def test_while_sns_is_away_a_push_is_neither_believed_nor_forged(
    sns: Sns, failure: Exception
) -> None:
    clock, asked = [NOW], [0]

    def fetch(url: str) -> bytes:
        asked[0] += 1
        if clock[0] < NOW + FAILURE_LASTS:
            raise failure
        return sns.fetch(url)

    pushes = SnsPushes([TOPIC], now=lambda: clock[0], fetch=fetch)
    signed = json.dumps(sns.sign()).encode()
    for _ in range(3):
        with pytest.raises(UnverifiedPush):
            pushes.receive(signed)
    assert asked == [1], "a failure is remembered for a moment"
    clock[0] += FAILURE_LASTS
    assert pushes.receive(signed).body


def test_a_confirmation_that_could_not_be_answered_may_come_again(sns: Sns) -> None:
    down = [True]

    def fetch(url: str) -> bytes:
        if url == SUBSCRIBE and down:
            down.pop()
            raise TimeoutError
        return sns.fetch(url)

    pushes = SnsPushes([TOPIC], now=lambda: NOW, fetch=fetch)
    signed = json.dumps(sns.confirmation()).encode()
    with pytest.raises(UnverifiedPush):
        pushes.receive(signed)
    assert pushes.receive(signed).body == ""
    assert sns.fetched == [CERTIFICATE, SUBSCRIBE]


def test_one_certificate_is_fetched_at_a_time(sns: Sns) -> None:
    """However many pushes come at once; and those after it find the key."""
    inside, most = [0], [0]

    def fetch(url: str) -> bytes:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.05)
        inside[0] -= 1
        return sns.fetch(url)

    pushes = SnsPushes([TOPIC], now=lambda: NOW, fetch=fetch)
    urls = [CERTIFICATE, CERTIFICATE.replace("-1.pem", "-2.pem")] * 4
    signed = [json.dumps(sns.sign(SigningCertURL=url)).encode() for url in urls]
    with ThreadPoolExecutor(len(signed)) as pool:
        assert all(push.body for push in pool.map(pushes.receive, signed))
    assert (most, len(sns.fetched)) == ([1], 2)


def test_another_topic_is_refused_however_well_signed(sns: Sns) -> None:
    for topic in (TOPIC + "x", "arn:aws:sns:us-east-1:999999999999:gas-events"):
        with pytest.raises(ForgedPush, match="not from a topic of ours"):
            receive(sns, sns.sign(TopicArn=topic))
        with pytest.raises(ForgedPush):
            receive(sns, sns.confirmation(TopicArn=topic))
    assert sns.fetched == []


def test_a_subscription_to_our_topic_is_confirmed(sns: Sns) -> None:
    assert receive(sns, sns.confirmation()) == ""
    assert sns.fetched == [CERTIFICATE, SUBSCRIBE]


def test_a_confirmation_that_leads_elsewhere_is_not_followed(sns: Sns) -> None:
    for url in ("http://169.254.169.254/latest/meta-data", "https://evil.example/", "file:///etc"):
        with pytest.raises(ForgedPush, match="not SNS's"):
            receive(sns, sns.confirmation(SubscribeURL=url))
        with pytest.raises(ForgedPush):  # changed after signing
            receive(sns, sns.confirmation() | {"SubscribeURL": url})
    assert all(url.startswith("https://sns.us-east-1.amazonaws.com/") for url in sns.fetched)


@pytest.mark.parametrize("age", [timedelta(minutes=61), timedelta(days=20)])
def test_an_old_message_is_refused_however_well_signed(sns: Sns, age: timedelta) -> None:
    sent = (NOW - age).isoformat()
    with pytest.raises(ForgedPush, match="too old"):
        receive(sns, sns.sign(Timestamp=sent))
    with pytest.raises(ForgedPush, match="too old"):
        receive(sns, sns.confirmation(Timestamp=sent))
    assert SUBSCRIBE not in sns.fetched
    assert receive(sns, sns.sign(Timestamp=(NOW - timedelta(minutes=59)).isoformat()))


@pytest.mark.parametrize("when", ["", "yesterday", "2026-99-99T00:00:00Z"])
def test_a_message_without_a_time_is_none_of_sns(sns: Sns, when: str) -> None:
    with pytest.raises(MalformedPush, match="no time"):
        receive(sns, sns.sign(Timestamp=when))


def test_an_expired_certificate_or_none_at_all_is_refused() -> None:
    old = Sns(lasts=timedelta(days=-1))
    with pytest.raises(ForgedPush, match="expired"):
        receive(old, old.sign())
    with pytest.raises(ForgedPush, match="not a certificate"):
        SnsPushes([TOPIC], now=lambda: NOW, fetch=lambda _: b"no").receive(
            json.dumps(old.sign()).encode()
        )


def test_the_certificate_is_fetched_once(sns: Sns) -> None:
    pushes = SnsPushes([TOPIC], now=lambda: NOW, fetch=sns.fetch)
    for _ in range(3):
        pushes.receive(json.dumps(sns.sign()).encode())
    assert sns.fetched == [CERTIFICATE]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no json",
        b"[]",
        b"{}",
        b'{"Type":"Notification"}',
        b'{"Type":"Other"}',
        b'{"Type":1}',
        b'{"Type":[]}',
        b"[" * 200_000,
        b'{"Type":' * 100_000,
        b"9" * 200_000,
    ],
)
def test_whatever_is_not_a_message_of_sns_is_refused(sns: Sns, raw: bytes) -> None:
    with pytest.raises(ForgedPush):
        SnsPushes([TOPIC], now=lambda: NOW, fetch=sns.fetch).receive(raw)


def test_nothing_is_fetched_without_tls() -> None:
    with pytest.raises(OSError, match="not an HTTPS address"):
        fetch_https("http://127.0.0.1/a.pem")
