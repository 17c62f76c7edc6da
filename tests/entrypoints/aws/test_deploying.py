"""The variant for AWS can be made whole, roles and TLS-only policies included."""

from __future__ import annotations

import secrets
import time

from adapters.cloud import Cloud
from entrypoints.local.cloud import TEMPLATE
from projections.listeners import LISTENERS


def test_the_variant_for_aws_is_made_whole(aws: Cloud) -> None:
    formation = aws.client("cloudformation")
    name = f"t{secrets.token_hex(6)}"
    formation.create_stack(
        StackName=name,
        TemplateBody=TEMPLATE.read_text(),
        Parameters=[
            {"ParameterKey": "Prefix", "ParameterValue": name},
            {"ParameterKey": "Origins", "ParameterValue": "https://gas.example.org"},
        ],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    until = time.monotonic() + 30
    while (made := formation.describe_stacks(StackName=name)["Stacks"][0])[
        "StackStatus"
    ] == "CREATE_IN_PROGRESS":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert made["StackStatus"] == "CREATE_COMPLETE", made.get("StackStatusReason")
    resources = {
        each["LogicalResourceId"]
        for each in formation.describe_stack_resources(StackName=name)["StackResources"]
    }
    assert {"TopicTlsOnly", "UploadsTlsOnly", "FilesTlsOnly", "RelayRole", "WebRole"} <= resources
    assert {f"{queue}WorkerRole" for queue in LISTENERS} <= resources
    assert "MailSender" not in resources
    iam = aws.client("iam")
    made_roles = {role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert any("RelayRole" in role for role in made_roles)
