"""Later hints by a state machine that waits and then sends to the queue (port ``Timer``).

The machine is in the template. It sends to SQS itself rather than through the topic, because
``sns:publish`` from Step Functions loses the attributes subscriptions filter by.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.queue_sqs import SqsQueue

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

RUNNING_ALREADY = "ExecutionAlreadyExists"


class StepFunctionsTimer:
    """Hints for ``queue`` by the state machine of that name."""

    def __init__(self, client: SFNClient, machine: str, queue: SqsQueue) -> None:
        self._states = client
        self._machine = machine
        self._queue = queue

    def schedule(self, hint: str, *, at: datetime) -> datetime:
        """As the port says; the same hint at the same time is one execution.

        At the next whole second: a hint that comes a moment too early would find nothing due.
        """
        from botocore.exceptions import ClientError

        at = at.astimezone(UTC)
        if at.microsecond:
            at = at.replace(microsecond=0) + timedelta(seconds=1)
        moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        name = hashlib.sha256(f"{self._queue.name} {moment} {hint}".encode()).hexdigest()
        wanted = {"at": moment, "queue": self._queue.url, "hint": hint}
        try:
            self._states.start_execution(
                stateMachineArn=self._machine_arn, name=name, input=json.dumps(wanted)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != RUNNING_ALREADY:
                raise
        return at

    @cached_property
    def _machine_arn(self) -> str:
        for page in self._states.get_paginator("list_state_machines").paginate():
            for machine in page["stateMachines"]:
                if machine["name"] == self._machine:
                    return machine["stateMachineArn"]
        raise LookupError(f"There is no state machine {self._machine}: is the template deployed?")
