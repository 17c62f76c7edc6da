"""Mails as SES gets them, read back from the embedded cloud."""

from __future__ import annotations

import secrets
import socket
import threading
import traceback
from dataclasses import replace
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


def test_a_mail_may_have_html_beside_its_text(stack: Stack, mailer: SesMailer) -> None:
    wanted = replace(mail(), html="<p>Zoë, <a href='https://gas.example'>look</a></p>")
    mailer.send(wanted)
    (got,) = sent_to(stack, wanted.to)
    assert (got["BodyText"], got["BodyHtml"]) == (wanted.text, wanted.html)


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
    assert not failed.value.unsure


def test_what_ses_says_of_somebody_is_in_no_traceback(stack: Stack) -> None:
    """SES names the address it refuses; our logs must not."""
    client = stack.aws_again().client("sesv2", attempts=1)
    wanted = mail()
    with Stubber(client) as stub:
        stub.add_client_error("send_email", "MessageRejected", f"{wanted.to} is not verified")
        with pytest.raises(MailFailed) as failed:
            SesMailer(client, SENDER).send(wanted)
    assert wanted.to not in "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"])
def test_a_lost_answer_may_have_been_a_sent_mail_and_nothing_is_repeated(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        taking = threading.Thread(target=take)
        taking.start()
        cloud = Cloud(
            f"http://127.0.0.1:{server.getsockname()[1]}",
            region="us-east-1",
            access_key="a",
            secret_key="b",
        )
        with pytest.raises(MailFailed) as failed:
            SesMailer(cloud.client("sesv2", attempts=1), SENDER).send(mail())
        taking.join()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody asked a second time
            server.accept()
    assert (failed.value.retryable, failed.value.unsure) == (True, True)


def test_ses_being_away_is_told_and_not_tried_twice_unasked() -> None:
    away = Cloud(
        f"http://127.0.0.1:{free_port()}", region="us-east-1", access_key="a", secret_key="b"
    )
    with pytest.raises(MailFailed, match="cannot be reached") as failed:
        SesMailer(away.client("sesv2", attempts=1), SENDER).send(mail())
    assert failed.value.retryable
    assert not failed.value.unsure
