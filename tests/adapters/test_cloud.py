"""Clients are made once, and a developer's own profile does not reach the embedded cloud's."""

from __future__ import annotations

import pytest

from adapters.cloud import Cloud


def test_threads_share_one_client_of_each_service() -> None:
    cloud = Cloud("http://127.0.0.1:1", region="us-east-1", access_key="a", secret_key="b")
    assert cloud.client("sqs") is cloud.client("sqs")
    assert cloud.client("sqs") is not cloud.client("sns")


def test_given_keys_ignore_profile_and_session_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere.example")
    cloud = Cloud("http://127.0.0.1:1", region="us-east-1", access_key="a", secret_key="b")
    link = cloud.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": "gas-files", "Key": "k"}
    )
    assert link.startswith("http://127.0.0.1:1/gas-files/k?")
    assert "real" not in link


def test_on_aws_links_name_the_buckets_own_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    cloud = Cloud(region="eu-central-1", access_key="a", secret_key="b")
    link = cloud.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": "gas-files", "Key": "k"}
    )
    assert link.startswith("https://gas-files.s3.")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link
