"""The template says what the listeners' table and the design say."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from entrypoints.local.cloud import TEMPLATE
from projections.listeners import LISTENERS


class _Loader(yaml.SafeLoader):
    """CloudFormation's short forms as plain values."""


def _intrinsic(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {tag: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506
    return loaded


def queues(template: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Names of the work queues and the block repeated for each."""
    _, names, block = template["Resources"]["Fn::ForEach::WorkQueues"]
    return names, block


def test_the_template_has_the_queues_and_filters_of_the_table(template: dict[str, Any]) -> None:
    names, _ = queues(template)
    assert sorted(names) == sorted(LISTENERS)
    mapped = {name: tuple(row["types"]) for name, row in template["Mappings"]["Listeners"].items()}
    assert mapped == LISTENERS


def test_every_subscription_is_raw_and_filters_by_its_row(template: dict[str, Any]) -> None:
    subscription = queues(template)[1]["${Queue}Subscription"]["Properties"]
    assert subscription["RawMessageDelivery"] is True
    assert subscription["FilterPolicy"] == {
        "type": {"FindInMap": ["Listeners", {"Ref": "Queue"}, "types"]}
    }


def test_poison_is_kept_for_the_longest_time_after_five_receives(template: dict[str, Any]) -> None:
    block = queues(template)[1]
    assert block["${Queue}Queue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 5
    assert block["${Queue}DeadLetters"]["Properties"]["MessageRetentionPeriod"] == 14 * 86400


@pytest.mark.parametrize("name", ["Uploads", "Files"])
def test_buckets_are_private_encrypted_kept_and_spoken_to_in_tls(
    template: dict[str, Any], name: str
) -> None:
    bucket = template["Resources"][name]
    properties = bucket["Properties"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert any("AbortIncompleteMultipartUpload" in r for r in lifecycle(properties))
    (statement,) = template["Resources"][f"{name}TlsOnly"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def lifecycle(properties: dict[str, Any]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = properties["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    return rules


def test_an_upload_nobody_submitted_is_gone_after_a_day(template: dict[str, Any]) -> None:
    rules = lifecycle(template["Resources"]["Uploads"]["Properties"])
    assert any(rule.get("ExpirationInDays") == 1 for rule in rules)
    kept = lifecycle(template["Resources"]["Files"]["Properties"])
    assert not any("ExpirationInDays" in rule for rule in kept)


def roles(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every role by name, those of the work queues once."""
    found = {k: v for k, v in template["Resources"].items() if not k.startswith("Fn::ForEach")}
    found |= template["Resources"]["Fn::ForEach::WorkerRoles"][2]
    return {k: v["Properties"] for k, v in found.items() if v["Type"] == "AWS::IAM::Role"}


def test_every_queue_has_a_worker_with_a_role_of_its_own(template: dict[str, Any]) -> None:
    assert template["Resources"]["Fn::ForEach::WorkerRoles"][1] == queues(template)[0]


def test_no_role_may_do_everything_or_touch_everything(template: dict[str, Any]) -> None:
    statements = [
        statement
        for role in roles(template).values()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert len(statements) > 10
    for statement in statements:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert not action.endswith("*"), action
            assert statement["Resource"] != "*" or ":List" in action, action


def test_only_the_relay_may_publish(template: dict[str, Any]) -> None:
    publishers = [name for name, role in roles(template).items() if "sns:Publish" in str(role)]
    assert publishers == ["RelayRole"]


def test_only_the_worker_that_notifies_may_send_mail(template: dict[str, Any]) -> None:
    mailing = template["Resources"]["MaySendMail"]
    assert mailing["Properties"]["Roles"] == [{"Ref": "notificationWorkerRole"}]
    (statement,) = mailing["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "ses:SendEmail"
    assert ":ses:" in str(statement["Resource"])
    assert not [name for name, role in roles(template).items() if "ses:" in str(role)]
