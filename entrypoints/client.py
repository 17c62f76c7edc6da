"""The command line's way to the service: its public API, and the store for what is large."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

from entrypoints.streamed_form import CHUNK, StreamedForm

if TYPE_CHECKING:
    import urllib3

    from entrypoints.settings import Settings

API = "/api/v1"
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
FINISHED = frozenset({"completed", "failed", "cancelled"})
PATIENCE = 30.0
FIRST_LOOK, LONGEST_LOOK = 0.1, 2.0  # seconds between two looks at a job
START_IT = "Start it with `make run`, or set GAS_URL and GAS_TOKEN."


class Unreachable(Exception):
    """No service answers; the sentence says what helps."""


class Refusal(Exception):
    """The service said no; ``str()`` is its sentence, ``code`` its stable code."""

    def __init__(self, code: str, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.code = code
        self.status = status


class Client:
    """Speaks to one service with one token.

    ``patience`` is how many seconds a service may be away while somebody waits for a job.
    """

    def __init__(self, url: str, token: str, *, patience: float = PATIENCE) -> None:
        import urllib3

        self.patience = patience

        self._url = url.rstrip("/")
        self._token = token
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        # only what may be repeated is repeated: whatever was not sent, and GETs
        retries = urllib3.Retry(3, redirect=0, backoff_factor=0.2, raise_on_redirect=False)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=retries)

    # --- the API -----------------------------------------------------------------------------

    def get(self, path: str, **query: str) -> Any:
        """The JSON at a path of the API; ``Refusal`` or ``Unreachable``."""
        given = {name: value for name, value in query.items() if value}
        return self._json("GET", path + (f"?{urlencode(given)}" if given else ""))

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, key: str = "") -> Any:
        """Post JSON; ``key`` makes it safe to repeat."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        return self._json("POST", path, body=data, headers=headers | _key(key))

    def delete(self, path: str) -> None:
        self._answer("DELETE", path).release_conn()

    def read(self, path: str) -> bytes:
        """The bytes of a small document of the API."""
        return bytes(self._answer("GET", path).data)

    def send_file(
        self, path: str, fields: Mapping[str, str], *, filename: str, data: bytes, key: str = ""
    ) -> Any:
        """Post a small file as a form."""
        from urllib3.filepost import encode_multipart_formdata

        body, content_type = encode_multipart_formdata({**fields, "file": (filename, data)})
        return self._json(
            "POST", path, body=body, headers={"Content-Type": content_type} | _key(key)
        )

    # --- files -------------------------------------------------------------------------------

    def upload(self, source: Path, told: Callable[[int], None]) -> str:
        """Send a file straight to the store without holding it; the upload's id.

        ``told`` hears how many bytes of it have gone.
        """
        size = source.stat().st_size
        place = self.post("/uploads", {"filename": source.name, "bytes": size})
        with source.open("rb") as file:
            body = StreamedForm(place["fields"], source.name, file, size, told)
            with _reaching(place["url"]):
                answer = self._pool.request(
                    "POST", place["url"], body=body, headers=body.headers(), retries=False
                )
        if answer.status >= 300:
            raise Refusal("upload_refused", _store_sentence(answer.data), answer.status)
        return str(place["upload_id"])

    @contextmanager
    def download(self, path: str) -> Iterator[tuple[Iterator[bytes], int | None]]:
        """The chunks of a file behind a redirect, and its size where it is told."""
        answer = self._answer("GET", path)
        there = urljoin(self._url, answer.headers.get("Location", ""))
        answer.release_conn()
        with _reaching(there):
            found = self._pool.request("GET", there, preload_content=False)
            if found.status != 200:
                raise Refusal("download_refused", _store_sentence(found.data), found.status)
            size = found.headers.get("Content-Length")
            yield found.stream(CHUNK), int(size) if size else None
            found.release_conn()

    def wait(self, job_id: str, told: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """The job once it is finished; ``told`` hears of it at each look."""
        pause = FIRST_LOOK
        while True:
            job: dict[str, Any] = self.patiently(f"/jobs/{job_id}")
            told(job)
            if job["status"] in FINISHED:
                return job
            time.sleep(pause)
            pause = min(pause * 1.2, LONGEST_LOOK)

    def patiently(self, path: str, **query: str) -> Any:
        """As ``get``, but a service that is away, to be started again, is waited for."""
        give_up = time.monotonic() + self.patience
        while True:
            try:
                return self.get(path, **query)
            except Unreachable:
                if time.monotonic() > give_up:
                    raise
                time.sleep(LONGEST_LOOK / 4)

    # --- steps -------------------------------------------------------------------------------

    def _json(self, method: str, path: str, **how: Any) -> Any:
        answer = self._answer(method, path, **how)
        return json.loads(answer.data)

    def _answer(
        self, method: str, path: str, *, body: bytes | None = None, headers: Any = None
    ) -> urllib3.BaseHTTPResponse:
        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        with _reaching(self._url):
            answer = self._pool.request(method, self._url + API + path, body=body, headers=sent)
        if answer.status >= 400:
            raise _refusal(answer)
        return answer


def connect(settings: Settings) -> Client:
    """The service of GAS_URL and GAS_TOKEN, or the one that runs in the data folder.

    ``Unreachable`` with what to do when there is none.
    """
    from entrypoints.local_user import token_file

    if settings.url and settings.token.get_secret_value():
        return Client(settings.url, settings.token.get_secret_value())
    running = (running_service(settings) or {}).get("url", "")
    url = settings.url or running
    if not url:
        raise Unreachable(f"No service runs in {settings.data_dir.resolve()}. {START_IT}")
    token = settings.token.get_secret_value()
    if not token and url.rstrip("/") != running:  # this machine's token is for this machine alone
        raise Unreachable(f"A token is needed for {_origin(url)}. Set GAS_TOKEN.")
    try:
        return Client(url, token or token_file(settings).read_text().strip())
    except OSError:
        raise Unreachable(
            f"There is no token in {settings.data_dir.resolve()} yet. Wait for `make run` to say"
            " ready, or set GAS_TOKEN."
        ) from None


def running_service(settings: Settings) -> dict[str, Any] | None:
    """What the supervisor announced in the data folder: url, pid, environment; None without."""
    from entrypoints.local.data_folder import RUN_FILE

    try:
        found: dict[str, Any] = json.loads((settings.data_dir / RUN_FILE).read_text())
    except (OSError, ValueError):
        return None
    return found


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    """Any failure to talk to ``url`` as one sentence."""
    from urllib3.exceptions import HTTPError

    try:
        yield
    except HTTPError as error:
        cause = type(getattr(error, "reason", None) or error).__name__
        raise Unreachable(f"{_origin(url)} does not answer ({cause}). {START_IT}") from error


def _origin(url: str) -> str:
    """Without the path and query: a presigned link is a secret."""
    return "/".join(url.split("/", 3)[:3])


def _refusal(answer: urllib3.BaseHTTPResponse) -> Refusal:
    try:
        problem = json.loads(answer.data)
        return Refusal(problem["code"], problem["detail"], answer.status)
    except (ValueError, KeyError, TypeError):
        return Refusal("unexpected", f"The service answered {answer.status}.", answer.status)


def _store_sentence(data: bytes) -> str:
    if b"EntityTooLarge" in data:
        return "The file is larger than your plan allows."
    return "The file store refused it. Try again; a link works for a few minutes only."


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}
