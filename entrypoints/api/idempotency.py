"""Idempotency-Key: the same key with the same request has one effect and one answer, for a day.

The first request claims the key, the ones beside it wait for its answer. Only what succeeded is
kept; a refusal frees the key, so that it can be used again once the fault is mended. A claim whose
process died is taken over after a minute; what it did by then is found again, because the ids of
what is made follow from owner and key.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from flask import Response, current_app, request

from domain.ports import Conflict, Record, Records
from entrypoints.api.problems import Refused
from entrypoints.api.requests import gas, person
from projections.erasure import IDEMPOTENCY

HEADER = "Idempotency-Key"
KEY_LENGTH = 255
KEPT = timedelta(days=1)
CLAIMED = timedelta(minutes=1)
PATIENCE = 10.0  # seconds to wait for the answer of the same request under way
LOOK_EVERY = 0.05
HEADERS = ("Content-Type", "Location", "ETag")

View = Callable[..., Any]


def idempotent(view: View) -> View:
    """Let a POST be repeated safely by whoever gives an Idempotency-Key."""

    @wraps(view)
    def once(**arguments: Any) -> Any:
        key = _key()
        if key is None:
            return view(**arguments)
        return Once(gas().records, person().user, key).answer(
            _fingerprint(), lambda: current_app.make_response(view(**arguments))
        )

    return once


def upload_id() -> str:
    """The id of the upload this request makes: the same for the same owner and key."""
    key = _key()
    if key is None:
        return uuid4().hex
    return uuid5(NAMESPACE_URL, f"gas:idempotency:{person().user}:{request.path}:{key}").hex


class Once:
    """One key of one user."""

    def __init__(self, records: Records, user: UUID, key: str) -> None:
        self._records = records
        self._row = (IDEMPOTENCY, str(user), hashlib.sha256(key.encode()).hexdigest())

    def answer(self, fingerprint: str, act: Callable[[], Response]) -> Response:
        """The kept answer, or a new one that is kept; ``Refused`` for another request's key."""
        claim = self._claim(fingerprint)
        if isinstance(claim, Response):
            return claim
        try:
            response = act()
            if response.status_code >= 400:
                self._free(claim)
            else:
                self._keep(claim, fingerprint, response)
        except BaseException:
            self._free(claim)
            raise
        return response

    def _claim(self, fingerprint: str) -> int | Response:
        """The revision of our own claim, or the answer somebody else's claim led to."""
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            record = self._records.get(*self._row)
            if record is not None and record.value["request"] != fingerprint:
                raise Refused(
                    "idempotency_key_reused",
                    "This Idempotency-Key was used for another request. Use a new one.",
                )
            if record is not None and "answer" in record.value:
                return _replay(record.value["answer"])
            if record is None or self._abandoned(record):
                with suppress(Conflict):
                    return self._write(fingerprint, record.revision if record else 0)
            time.sleep(LOOK_EVERY)
        raise Refused(
            "idempotency_key_in_use",
            "The same request is still under way. Send it again in a moment.",
            Retry_After="1",
        )

    def _write(self, fingerprint: str, expected: int) -> int:
        now = gas().clock()
        value = {"request": fingerprint, "until": (now + CLAIMED).timestamp()}
        expires = (now + KEPT).timestamp()
        return self._records.put(*self._row, value=value, expected=expected, expires=expires)

    def _keep(self, claim: int, fingerprint: str, response: Response) -> None:
        answer = {
            "status": response.status_code,
            "headers": {h: response.headers[h] for h in HEADERS if h in response.headers},
            "body": response.get_data(as_text=True),
        }
        expires = (gas().clock() + KEPT).timestamp()
        value = {"request": fingerprint, "answer": answer}
        with suppress(Conflict):  # taken over: then the other's answer is the one that is kept
            self._records.put(*self._row, value=value, expected=claim, expires=expires)

    def _free(self, claim: int) -> None:
        with suppress(Conflict):
            self._records.delete(*self._row, expected=claim)

    def _abandoned(self, record: Record) -> bool:
        return bool(record.value["until"] < gas().clock().timestamp())


def _replay(answer: dict[str, Any]) -> Response:
    response = Response(answer["body"], answer["status"], headers=answer["headers"])
    response.headers["Idempotency-Replayed"] = "true"
    return response


def _key() -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not 0 < len(key) <= KEY_LENGTH:
        raise Refused("invalid_request", f"{HEADER} must have 1 to {KEY_LENGTH} characters.")
    return key


def _fingerprint() -> str:
    """A digest of what is asked, whatever a multipart boundary or the order of JSON keys is."""
    if request.mimetype == "multipart/form-data":
        content: Any = [sorted(request.form.items(multi=True)), _files()]
    elif request.mimetype == "application/json":
        content = request.get_json()
    else:
        content = request.get_data(as_text=True)
    asked = [request.method, request.path, content]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _files() -> list[tuple[str, str, str]]:
    files = []
    for name, file in sorted(request.files.items(multi=True), key=lambda item: item[0]):
        digest = hashlib.file_digest(file.stream, "sha256").hexdigest()  # type: ignore[arg-type]
        file.stream.seek(0)
        files.append((name, file.filename or "", digest))
    return files
