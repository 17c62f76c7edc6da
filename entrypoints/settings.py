"""Everything that can be set, with its default. Read once, at start; never at import."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.plans import Policy


class Settings(BaseSettings):
    """Environment variables with the prefix ``GAS_``; ``gas settings`` prints them."""

    model_config = SettingsConfigDict(env_prefix="GAS_", extra="ignore")

    port: int = Field(8000, description="where the pages and the API are served, on 127.0.0.1")
    data_dir: Path = Field(Path("var"), description="everything that lasts on one machine")
    store: Literal["sqlite", "dynamodb"] = Field(
        "sqlite", description="where log, records and views are, together"
    )
    url: str = Field("", description="the service's address as its users see it")
    token: SecretStr = Field(SecretStr(""), description="bearer token for the command line")
    secret: SecretStr = Field(SecretStr(""), description="signs cookies; made on first local start")
    local: bool = Field(False, description="one machine, embedded cloud (`gas up` sets it)")
    stack: str = Field("gas", description="prefix of topic, queues and buckets")
    workers: int = Field(2, ge=1, description="annotations at once in one worker process")
    consumers: Literal["poll", "push"] = Field(
        "poll", description="how work queues are served: by long polls, or when SNS pushes"
    )
    sweep_seconds: float = Field(5.0, gt=0, description="pause between two sweeps")
    housekeeping_seconds: float = Field(3600.0, gt=0, description="pause between two tidyings")
    requests_a_minute: int = Field(3000, ge=1, description="of one token, in each web process")
    free_retention: float = Field(
        300.0, ge=0, description="seconds a free owner's result stays readable"
    )
    grace: float = Field(
        14 * 86400.0, ge=0, description="seconds results stay readable after a subscription's end"
    )
    retention_timer: Literal["sqs_delay", "step_functions"] = Field(
        "sqs_delay", description="what reminds of a result's end"
    )
    archive: Literal["s3_glacier", "glacier_vault"] = Field(
        "s3_glacier", description="where archived results are"
    )
    archive_class: Literal["GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"] = Field(
        "GLACIER", description="storage class of results in s3_glacier"
    )
    vault_url: str = Field("", description="the loopback vault (`gas up` sets it)")
    stripe_url: str = Field("", description="the loopback Stripe (`gas up` sets it)")
    stripe_key: SecretStr = Field(SecretStr(""), description="Stripe's secret API key")
    stripe_price: str = Field("", description="Stripe's id of the premium plan's price")
    stripe_webhook_secret: SecretStr = Field(
        SecretStr(""), description="what Stripe signs with; two while rotating, by comma"
    )
    mail_from: str = Field("", description="address mails come from; without it none are sent")
    mailbox_url: str = Field("", description="mails of the embedded cloud (`gas up` sets it)")
    references: Path | None = Field(None, description="more references than the bundled ones")
    table_cache: int = Field(
        2 * 2**30, ge=0, description="bytes of local copies of tables of variants, for browsing"
    )
    aws_endpoint: str = Field("", description="the embedded cloud's address (`gas up` sets it)")
    globus_url: str = Field("", description="the loopback Globus Auth (`gas up` sets it)")
    globus_client_id: str = Field("", description="of the confidential Globus client")
    globus_client_secret: SecretStr = Field(SecretStr(""), description="of the Globus client")

    @property
    def policy(self) -> Policy:
        """How long things are kept for owners who do not pay."""
        return Policy(
            retention=timedelta(seconds=self.free_retention), grace=timedelta(seconds=self.grace)
        )

    @property
    def stripe_webhook_secrets(self) -> tuple[str, ...]:
        """What Stripe signs with; none believes nobody, while an empty one would believe all."""
        given = self.stripe_webhook_secret.get_secret_value().split(",")
        return tuple(secret for each in given if (secret := each.strip()))

    @property
    def database(self) -> Path:
        """The one SQLite file with log, records and views."""
        return self.data_dir / "gas.db"

    @property
    def references_folder(self) -> Path:
        """Where `gas reference add` puts references, beside the bundled ones."""
        return self.references or self.data_dir / "references"

    @property
    def tables_folder(self) -> Path:
        """Local copies of tables of variants; may be removed at any time."""
        return self.data_dir / "tables"

    @property
    def scratch(self) -> Path:
        """Where annotations keep what is under way; may be emptied at any start."""
        return self.data_dir / "scratch"

    @property
    def address(self) -> str:
        """The service's address for links."""
        return self.url.rstrip("/") or f"http://127.0.0.1:{self.port}"
