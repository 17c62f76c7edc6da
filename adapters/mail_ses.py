"""Mail by Amazon SES (port ``Mailer``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.ports.mails import Mail, MailFailed

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import BodyTypeDef

# What SES will refuse tomorrow as well; everything else may pass.
FOR_EVER = ("MessageRejected", "BadRequestException", "NotFoundException")
CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class SesMailer:
    """Sends from one verified address. ``client`` must not repeat a request on its own.

    A request whose answer was lost may have been sent: only the caller can decide to risk a second
    mail (``MailFailed.retryable``).
    """

    def __init__(self, client: SESV2Client, sender: str) -> None:
        self._ses = client
        self._sender = sender

    def send(self, mail: Mail) -> str:
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectTimeoutError,
            EndpointConnectionError,
        )

        body: BodyTypeDef = {"Text": {"Data": mail.text, "Charset": "UTF-8"}}
        if mail.html:
            body["Html"] = {"Data": mail.html, "Charset": "UTF-8"}
        # A line break here would start another header.
        subject = CONTROL.sub(" ", mail.subject)
        try:
            return self._ses.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [mail.to]},
                Content={
                    "Simple": {"Subject": {"Data": subject, "Charset": "UTF-8"}, "Body": body}
                },
            )["MessageId"]
        # What SES says of a refusal names the address: it must not get into a traceback.
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            raise MailFailed(
                f"SES answered {code}.", retryable=code not in FOR_EVER, unsure=status >= 500
            ) from None
        except (ConnectTimeoutError, EndpointConnectionError):
            raise MailFailed("SES cannot be reached.", retryable=True) from None
        except BotoCoreError as error:
            raise MailFailed(
                f"SES did not answer ({type(error).__name__}).", retryable=True, unsure=True
            ) from None
