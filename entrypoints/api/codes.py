"""CODES: every code a program may meet in a problem document, its HTTP status and what it means.

A code that is not here goes by its class: a rejected input 422, all else 409.
"""

from __future__ import annotations

CODES: dict[str, tuple[int, str]] = {
    "bad_cursor": (422, "the cursor is not one of ours; start again without it"),
    "billing_unavailable": (503, "the payment provider cannot be asked now; send it again"),
    "empty_file": (422, "the file has no bytes"),
    "file_missing": (404, "the file should be there and is not; nothing you did"),
    "forbidden": (403, "the token lacks a scope"),
    "forged_webhook": (400, "a webhook that its sender did not sign, or signed too long ago"),
    "idempotency_key_in_use": (409, "the first request with this key is still being answered"),
    "idempotency_key_reused": (422, "the key was used for another request"),
    "input_removed": (410, "the input was kept for its time and is gone; upload it anew"),
    "internal_error": (500, "a fault of ours; tell us the correlation id"),
    "invalid_request": (422, "a value, a query parameter or a field cannot be taken"),
    "malformed_json": (400, "the body is not JSON"),
    "no_variants": (404, "the job has no table of variants and will not get one"),
    "no_variants_yet": (409, "the job is still under way; ask again when it is completed"),
    "not_found": (404, "there is none, or it is somebody else's"),
    "not_seen_yet": (503, "what was just written cannot be read yet; ask again"),
    "not_signed_in": (401, "no token, or one that is unknown or revoked"),
    "plan_limit": (429, "the plan allows no more jobs now; the sentence says when it will"),
    "rate_limited": (429, "too many requests; wait as long as Retry-After says"),
    "result_archived": (409, "the result is archived; upgrading restores it"),
    "result_restoring": (409, "the result is on its way back; ask again after expected_by"),
    "table_damaged": (500, "the stored table of variants is not the one that was made"),
    "too_large": (413, "the file or the request is larger than the plan or the address takes"),
    "unavailable": (503, "a part of the service is away or too busy; wait as Retry-After says"),
    "unknown_moment": (422, "the job has no such version, or there was nothing of it yet"),
    "unknown_type": (422, "there is no event of that type"),
    "unsupported_media_type": (415, "the body has a content type that is not taken here"),
    "version_mismatch": (412, "the job has moved on since the version in If-Match"),
    "wrong_state": (409, "too late, or too early: the sentence names the state it is in"),
}
STATUS: dict[str, int] = {code: status for code, (status, _) in CODES.items()}
