"""Signatures that boto3 makes are believed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from adapters.cloud import Cloud
from tests.signing_in import fetch
from tests.standins import VaultStandIn


def test_the_vault_answers_to_its_own_key_alone(vault: Callable[..., VaultStandIn]) -> None:
    standin = vault()
    standin.client.create_vault(vaultName="v")
    archive = standin.client.upload_archive(vaultName="v", body=b"mine", archiveDescription="a b")
    for access_key, secret_key in (("a", "guessed"), ("test", "b"), ("a b", "b")):
        stranger = Cloud(
            standin.url, region="us-east-1", access_key=access_key, secret_key=secret_key
        ).client("glacier", attempts=1)
        with pytest.raises(ClientError, match="InvalidSignature"):
            stranger.list_jobs(vaultName="v", limit="5")
        with pytest.raises(ClientError, match="InvalidSignature"):
            stranger.delete_archive(vaultName="v", archiveId=archive["archiveId"])
    assert standin.client.list_jobs(vaultName="v", limit="5")["JobList"] == []


def test_an_altered_old_or_missing_signature_is_refused(
    vault: Callable[..., VaultStandIn],
) -> None:
    standin = vault()
    seen: list[tuple[str, dict[str, str]]] = []

    def note(request: object, **_: object) -> None:
        headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}  # type: ignore[attr-defined]
        seen.append((request.url, headers))  # type: ignore[attr-defined]

    standin.client.meta.events.register("before-send.glacier", note)
    standin.client.list_jobs(vaultName="v")
    ((url, headers),) = seen
    assert fetch(url, headers=headers).status == 200
    assert fetch(url).status == 403
    assert fetch(url.replace("/v/", "/w/"), headers=headers).status == 403
    assert fetch(url + "?limit=1", headers=headers).status == 403
    for name, value in (
        ("X-Amz-Date", "20200101T000000Z"),
        ("X-Amz-Date", "no date"),
        ("Authorization", "AWS4-HMAC-SHA256 nonsense"),
        ("Authorization", headers["Authorization"].replace("x-amz-date", "x-amz-data")),
        ("Authorization", headers["Authorization"].replace("/glacier/", "/s3/")),
    ):
        assert fetch(url, headers=headers | {name: value}).status == 403
