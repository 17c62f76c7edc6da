"""What a person does at the Globus stand-in's page, without a browser."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qs, urlencode, urlsplit

from entrypoints.local.globus_book import LOCAL_USER


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    body: str

    @property
    def query(self) -> dict[str, str]:
        """The query of the address it redirects to."""
        pairs = parse_qs(urlsplit(self.headers["Location"]).query)
        return {name: values[0] for name, values in pairs.items()}


def fetch(
    url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """One request, redirects and refusals included."""
    data = urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=10) as got:
            return Answer(got.status, got.headers, got.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read().decode())


def sign_in(authorize_url: str, **form: str) -> Answer:
    """Press the button as the local user, or with another choice."""
    return fetch(authorize_url, form or {"person": LOCAL_USER.sub})
