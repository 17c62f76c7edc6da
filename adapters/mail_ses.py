"""Mail by Amazon SES (port ``Mailer``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.ports.mails import Mail, MailFailed

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

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
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._ses.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [mail.to]},
                Content={
                    "Simple": {
                        # A line break here would start another header.
                        "Subject": {"Data": CONTROL.sub(" ", mail.subject), "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": mail.text, "Charset": "UTF-8"}},
                    }
                },
            )["MessageId"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise MailFailed(f"SES answered {code}.", retryable=code not in FOR_EVER) from error
        except BotoCoreError as error:
            raise MailFailed("SES cannot be reached.", retryable=True) from error
