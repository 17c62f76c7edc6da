"""A stand-in for a Glacier vault on loopback, for the real boto3 client to talk to.

Upload and multipart upload with tree hashes checked, deletion, retrieval and inventory jobs with
tiers, a switch for refused capacity (``glacier_pages``), completion published to SNS, output that
expires. Requests must be signed with the data folder's key, as the embedded
cloud's, so that other users of the machine cannot read the archives.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request, send_file

from adapters.sigv4 import is_signed
from adapters.tree_hash import leaves, root
from entrypoints.local.vault_book import Mismatch, VaultBook

TREE = "x-amz-sha256-tree-hash"
DESCRIPTION = "x-amz-archive-description"
VAULT = "/<account>/vaults/<vault>"
ACTIONS = {"archive-retrieval": "ArchiveRetrieval", "inventory-retrieval": "InventoryRetrieval"}
TICK_SECONDS = 0.2

glacier = Blueprint("glacier", __name__)


@dataclass(frozen=True, slots=True)
class Vaults:
    """The stand-in; ``publish`` sends (topic ARN, message) to SNS."""

    book: VaultBook
    publish: Callable[[str, str], None]
    access_key: str
    secret_key: str = field(repr=False)

    def run(self, stopped: threading.Event) -> None:
        """Complete and publish what is due, until stopped; a failure is tried again."""
        while not stopped.wait(TICK_SECONDS):
            try:
                self.book.finish_due(self._announce)
            except Exception as error:
                sys.stderr.write(f"the vault could not announce a retrieval: {error}\n")

    def _announce(self, row: dict[str, Any]) -> None:
        about = described(row, self.book)
        if topic := about.get("SNSTopic"):
            self.publish(topic, json.dumps(about))


class Refused(Exception):
    """An answer in Glacier's own words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def here() -> Vaults:
    """The stand-in that is answering."""
    vaults: Vaults = current_app.extensions["vaults"]
    return vaults


def book() -> VaultBook:
    return here().book


@glacier.before_request
def _only_signed() -> None:
    signed = is_signed(
        method=request.method,
        url=request.url,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.get_data(),
        access_key=here().access_key,
        secret_key=here().secret_key,
        service="glacier",
        now=datetime.now(UTC),
    )
    if not signed:
        raise Refused(403, "InvalidSignatureException", "The signature does not match")


# --- archives ------------------------------------------------------------------------------------


@glacier.put(VAULT)
def make_vault(account: str, vault: str) -> Response:
    book().make_vault(vault)
    return _made({"Location": f"/{account}/vaults/{vault}"})


@glacier.post(f"{VAULT}/archives")
def upload(account: str, vault: str) -> Response:
    data = _checked_body()
    whole = book().begin(vault, request.headers.get(DESCRIPTION, ""), max(len(data), 1))
    book().add(whole, 0, data)
    return _archived(account, vault, book().complete(whole, len(data), root(leaves(data))))


@glacier.post(f"{VAULT}/multipart-uploads")
def begin(account: str, vault: str) -> Response:
    size = int(request.headers.get("x-amz-part-size", "0"))
    if size < 2**20 or size & (size - 1):
        raise Refused(400, "InvalidParameterValueException", "Invalid part size")
    made = book().begin(vault, request.headers.get(DESCRIPTION, ""), size)
    return _made({"x-amz-multipart-upload-id": made})


@glacier.put(f"{VAULT}/multipart-uploads/<upload>")
def add(account: str, vault: str, upload: str) -> Response:
    data = _checked_body()
    start = int(request.headers["Content-Range"].removeprefix("bytes ").split("-")[0])
    book().add(upload, start, data)
    return Response(status=204, headers={TREE: request.headers[TREE]})


@glacier.post(f"{VAULT}/multipart-uploads/<upload>")
def complete(account: str, vault: str, upload: str) -> Response:
    size, tree = int(request.headers["x-amz-archive-size"]), request.headers[TREE]
    return _archived(account, vault, book().complete(upload, size, tree))


@glacier.delete(f"{VAULT}/multipart-uploads/<upload>")
def abort(account: str, vault: str, upload: str) -> Response:
    book().abort(upload)
    return Response(status=204)


@glacier.delete(f"{VAULT}/archives/<archive>")
def delete(account: str, vault: str, archive: str) -> Response:
    book().delete(vault, archive)
    return Response(status=204)


# --- jobs ----------------------------------------------------------------------------------------


@glacier.post(f"{VAULT}/jobs")
def ask(account: str, vault: str) -> Response:
    wanted = json.loads(request.get_data())
    tier = wanted.setdefault("Tier", "Standard")
    if wanted.get("Type") not in ACTIONS:
        raise Refused(400, "InvalidParameterValueException", "Invalid job type")
    if wanted["Type"] == "archive-retrieval":
        book().archive(vault, wanted.get("ArchiveId", ""))
    if tier == "Expedited" and not book().has_capacity:
        raise Refused(503, "InsufficientCapacityException", "Insufficient capacity for Expedited")
    job = book().ask(vault, wanted)
    return _made({"x-amz-job-id": job, "Location": f"/{account}/vaults/{vault}/jobs/{job}"}, 202)


@glacier.get(f"{VAULT}/jobs")
def jobs(account: str, vault: str) -> Response:
    """A page of them; ``marker`` is where the next begins."""
    rows = [described(row, book()) for row in book().jobs(vault)]
    start, limit = int(request.args.get("marker", 0)), int(request.args.get("limit", 50))
    more = str(start + limit) if len(rows) > start + limit else None
    return jsonify(JobList=rows[start : start + limit], Marker=more)


@glacier.get(f"{VAULT}/jobs/<job>")
def job(account: str, vault: str, job: str) -> Response:
    return jsonify(described(book().job(vault, job), book()))


@glacier.get(f"{VAULT}/jobs/<job>/output")
def output(account: str, vault: str, job: str) -> Response:
    row = book().job(vault, job)
    if row["completed"] is None:
        raise Refused(400, "InvalidParameterValueException", "The job is not complete")
    wanted = json.loads(row["parameters"])
    if wanted["Type"] == "inventory-retrieval":
        return jsonify(ArchiveList=[_listed(archive) for archive in book().archives(vault)])
    archive = book().archive(vault, wanted["ArchiveId"])
    response = send_file(
        book().content(archive["id"]), "application/octet-stream", conditional=True
    )
    response.headers[TREE] = archive["tree"]
    return response


def described(row: dict[str, Any], book: VaultBook) -> dict[str, Any]:
    """A job in Glacier's words; also what is published when it is complete."""
    wanted = json.loads(row["parameters"])
    done = row["completed"] is not None
    about = {
        "JobId": row["id"],
        "JobDescription": wanted.get("Description"),
        "Action": ACTIONS[wanted["Type"]],
        "VaultARN": f"arn:aws:glacier:us-east-1:000000000000:vaults/{row['vault']}",
        "CreationDate": _iso(row["created"]),
        "Completed": done,
        "CompletionDate": _iso(row["completed"]) if done else None,
        "StatusCode": "Succeeded" if done else "InProgress",
        "SNSTopic": wanted.get("SNSTopic"),
        "Tier": wanted["Tier"],
        "ArchiveId": wanted.get("ArchiveId"),
    }
    known = {archive["id"]: archive for archive in book.archives(row["vault"])}
    if archive := known.get(wanted.get("ArchiveId")):
        about["ArchiveSizeInBytes"] = archive["bytes"]
        about["SHA256TreeHash"] = about["ArchiveSHA256TreeHash"] = archive["tree"]
    return about


# --- answers -------------------------------------------------------------------------------------


@glacier.errorhandler(Refused)
def refused(error: Refused) -> tuple[Response, int]:
    return jsonify(code=error.code, message=str(error), type="Client"), error.status


@glacier.errorhandler(KeyError)
def missing(error: KeyError) -> tuple[Response, int]:
    return refused(Refused(404, "ResourceNotFoundException", "There is nothing of that id"))


@glacier.errorhandler(Mismatch)
def mismatch(error: Mismatch) -> tuple[Response, int]:
    return refused(Refused(400, "InvalidParameterValueException", str(error)))


def _checked_body() -> bytes:
    data = request.get_data()
    if root(leaves(data)) != request.headers.get(TREE):
        raise Mismatch("The tree hash of the part differs from its bytes.")
    return data


def _archived(account: str, vault: str, archive: str) -> Response:
    where = f"/{account}/vaults/{vault}/archives/{archive}"
    tree = book().archive(vault, archive)["tree"]
    return _made({"x-amz-archive-id": archive, TREE: tree, "Location": where})


def _made(headers: dict[str, str], status: int = 201) -> Response:
    return Response(status=status, headers=headers)


def _listed(archive: dict[str, Any]) -> dict[str, Any]:
    return {
        "ArchiveId": archive["id"],
        "ArchiveDescription": archive["description"],
        "CreationDate": _iso(archive["created"]),
        "Size": archive["bytes"],
        "SHA256TreeHash": archive["tree"],
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
