"""Checks AWS's signature version 4 on a request, for stand-ins that real AWS clients talk to."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)
TOLERANCE = timedelta(minutes=15)
BODY_HEADER = "x-amz-content-sha256"


def is_signed(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    access_key: str,
    secret_key: str,
    service: str,
    now: datetime,
) -> bool:
    """Whether the request bears a signature by that key, over these very bytes, made lately.

    ``headers`` by lower-case name. Botocore makes the signature that it is compared with.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    given = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    date = headers.get("x-amz-date", "")
    if given is None or given[1] != access_key or given[4] != service or not _recent(date, now):
        return False
    digest = hashlib.sha256(body).hexdigest()
    if headers.get(BODY_HEADER, digest) != digest:
        return False
    wanted = given[5].split(";")
    if "host" not in wanted or "x-amz-date" not in wanted:
        return False
    signed = {name: headers.get(name, "") for name in wanted}
    request = AWSRequest(method=method, url=url, headers=signed, data=body)
    request.context["timestamp"] = date
    auth = SigV4Auth(Credentials(access_key, secret_key), service, given[3])
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return hmac.compare_digest(auth.signature(text, request), given[6])


def _recent(date: str, now: datetime) -> bool:
    try:
        made = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - made) <= TOLERANCE
