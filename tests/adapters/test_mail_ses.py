"""Mails as SES gets them, read back from the embedded cloud."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from botocore.stub import Stubber

from adapters.cloud import Cloud
from adapters.mail_ses import SesMailer
from domain.ports.mails import Mail, MailFailed
from entrypoints.local.cloud import free_port
from tests.cloud import Stack

SENDER = "gas@localhost"  # the template verifies it


def mail(subject: str = "Your annotation is ready") -> Mail:
    return Mail(
        to=f"{secrets.token_hex(4)}@example.org", subject=subject, text="Zoë,\nlook: https://…"
    )


def sent_to(stack: Stack, address: str) -> list[dict[str, Any]]:
    return [each for each in stack.cloud.mails() if each["To"] == [address]]


@pytest.fixture
def mailer(stack: Stack) -> SesMailer:
    return SesMailer(stack.aws.client("sesv2", attempts=1), SENDER)


def test_a_mail_is_sent_with_its_words(stack: Stack, mailer: SesMailer) -> None:
    wanted = mail()
    name = mailer.send(wanted)
    (got,) = sent_to(stack, wanted.to)
    assert got["MessageId"] == name
    assert (got["Source"], got["Subject"]) == (SENDER, wanted.subject)
    assert got["BodyText"] == wanted.text


def test_a_subject_cannot_add_a_header(stack: Stack, mailer: SesMailer) -> None:
    wanted = mail(subject="Done\r\nBcc: everybody@example.org")
    mailer.send(wanted)
    (got,) = sent_to(stack, wanted.to)
    assert got["Subject"] == "Done Bcc: everybody@example.org"
    assert got["BCC"] == []


def test_an_unverified_sender_is_refused_for_ever(stack: Stack) -> None:
    wanted = mail()
    with pytest.raises(MailFailed, match="MessageRejected") as failed:
        SesMailer(stack.aws.client("sesv2"), "stranger@example.org").send(wanted)
    assert not failed.value.retryable
    assert sent_to(stack, wanted.to) == []


@pytest.mark.parametrize("code", ["TooManyRequestsException", "LimitExceededException"])
def test_what_may_pass_may_be_tried_again(stack: Stack, code: str) -> None:
    client = stack.aws_again().client("sesv2", attempts=1)
    with Stubber(client) as stub:
        stub.add_client_error("send_email", code, http_status_code=429)
        with pytest.raises(MailFailed) as failed:
            SesMailer(client, SENDER).send(mail())
    assert failed.value.retryable


def test_ses_being_away_is_told_and_not_tried_twice_unasked() -> None:
    away = Cloud(
        f"http://127.0.0.1:{free_port()}", region="us-east-1", access_key="a", secret_key="b"
    )
    with pytest.raises(MailFailed, match="cannot be reached") as failed:
        SesMailer(away.client("sesv2", attempts=1), SENDER).send(mail())
    assert failed.value.retryable
