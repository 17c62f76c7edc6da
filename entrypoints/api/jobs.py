"""Uploads and jobs."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from flask import Response, jsonify, make_response, redirect, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import ValidationError

from domain.job import Job
from domain.ports import Options
from domain.service import Recorded
from entrypoints.api.documents import ERRORS, JobDocument, Jobs, UploadDocument
from entrypoints.api.guard import needs
from entrypoints.api.history_documents import History, HistoryQuery
from entrypoints.api.idempotency import idempotent, upload_id
from entrypoints.api.parameters import (
    DownloadPath,
    JobForm,
    JobPath,
    JobRequest,
    JobsQuery,
    UploadRequest,
)
from entrypoints.api.problems import Refused, invalid
from entrypoints.api.requests import acting_person, gas, job_id_of, person
from entrypoints.uploading import FORM_SECONDS
from entrypoints.views import await_position

SETTLE_SECONDS = 2.0  # how long a command waits for the lists to show it
OCTETS = "application/octet-stream"

api = APIBlueprint(
    "api_jobs",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="jobs")],
    abp_responses=ERRORS,
)


@api.post(
    "/uploads",
    summary="Reserve a place for a file, to be sent straight to the store",
    security=needs("jobs:write"),
    responses={201: UploadDocument},
)
@idempotent
def begin_upload(body: UploadRequest) -> Response:
    uploading = gas().uploading
    if body.bytes is not None:
        uploading.check_size(person().user, body.bytes)
    upload = uploading.begin(person().user, filename=body.filename, upload_id=upload_id())
    document = {
        "upload_id": upload.id,
        "url": upload.form.url,
        "fields": upload.form.fields,
        "max_bytes": upload.max_bytes,
        "expires_at": (gas().clock() + timedelta(seconds=FORM_SECONDS)).isoformat(),
    }
    return make_response(document, 201)


@api.post(
    "/jobs",
    summary="Submit a job: an upload's id, or the file itself up to 10 MB",
    security=needs("jobs:write"),
    responses={201: JobDocument},
    openapi_extensions={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": JobRequest.model_json_schema()},
                "multipart/form-data": {"schema": JobForm.model_json_schema()},
            },
        }
    },
)
@idempotent
def submit() -> Response:
    wanted = _uploaded() if request.mimetype == "application/json" else _received()
    with acting_person():
        recorded = gas().submission.submit(
            person().user,
            upload_id=wanted.upload_id,
            reference=wanted.reference,
            label=wanted.label,
            options=Options(haplotypes=wanted.haplotypes, normalise=wanted.normalise),
        )
    return _changed(recorded, 201)


@api.get(
    "/jobs",
    summary="My jobs, newest first",
    security=needs("jobs:read"),
    responses={200: Jobs},
)
def list_jobs(query: JobsQuery) -> Response:
    page = gas().jobs.page(
        person().user,
        status=query.status or "",
        reference=query.reference,
        label=query.label,
        cursor=query.cursor,
        limit=query.limit,
    )
    return jsonify(jobs=page.jobs, next=page.next)


@api.get(
    "/jobs/<job_id>",
    summary="One job",
    security=needs("jobs:read"),
    responses={200: JobDocument},
)
def show(path: JobPath) -> Response:
    return _document(gas().jobs.get(job_id_of(path.job_id), owner=person().user))


@api.post(
    "/jobs/<job_id>/cancel",
    summary="Stop a job that is not finished",
    security=needs("jobs:write"),
    responses={200: JobDocument},
)
@idempotent
def cancel(path: JobPath) -> Response:
    job_id, version = job_id_of(path.job_id), _if_match()
    gas().jobs.get(job_id, owner=person().user)
    with acting_person():
        recorded = gas().service.cancel_job(job_id, owner=person().user, if_version=version)
    return _changed(recorded, 200)


@api.delete(
    "/jobs/<job_id>",
    summary="Remove a job's files and names; that it was there stays in the log",
    security=needs("jobs:write"),
    responses={204: None},
)
def delete(path: JobPath) -> Response:
    job_id, version = job_id_of(path.job_id), _if_match()
    gas().jobs.get(job_id, owner=person().user)
    with acting_person():
        recorded = gas().service.request_deletion(job_id, owner=person().user, if_version=version)
    _settle(recorded)
    return Response(status=204)


@api.get(
    "/jobs/<job_id>/history",
    summary="What happened to a job, and how it stood at any moment",
    security=needs("jobs:read"),
    responses={200: History},
)
def history(path: JobPath, query: HistoryQuery) -> Response:
    job_id, owner, past = job_id_of(path.job_id), person().user, gas().history
    return jsonify(
        events=past.events(job_id, owner=owner),
        state=past.state(job_id, query.at, owner=owner) if query.at else None,
        difference=past.difference(job_id, query.diff, owner=owner) if query.diff else None,
    )


@api.get(
    "/jobs/<job_id>/<any(input, result, index, log, summary, stats, table):what>",
    summary="Download one of a job's files",
    description="Redirects to a link that works for a few minutes. While a result is archived or"
    " on its way back the answer is 409 with the code `result_archived` or `result_restoring`;"
    " an input that was kept for its time is 410 `input_removed`. All other files stay.",
    security=needs("jobs:read"),
    responses={302: {"description": "the link", "headers": {"Location": {"schema": {}}}}},
)
def download(path: DownloadPath) -> Any:
    url = gas().jobs.download_url(job_id_of(path.job_id), path.what, owner=person().user)
    return redirect(url)


# --- steps ---------------------------------------------------------------------------------------


def _uploaded() -> JobRequest:
    try:
        return JobRequest.model_validate(request.get_json())
    except ValidationError as error:
        raise invalid(error) from None


def _received() -> JobRequest:
    """Take the file out of the request, as if it had been uploaded before."""
    file, others = request.files.get("file"), sorted(set(request.files) - {"file"})
    if file is None or others:
        raise Refused("invalid_request", "Send one file, in the form's field `file`.")
    fields = {name: values[-1] for name, values in request.form.lists()}
    try:
        wanted = JobForm.model_validate({**fields, "file": ""})
    except ValidationError as error:
        raise invalid(error) from None
    name, data = file.filename or "", file.stream.read()
    received = gas().uploading.receive(
        person().user, filename=name, data=data, upload_id=upload_id()
    )
    return JobRequest(upload_id=received, **wanted.model_dump(exclude={"file"}))


def _changed(recorded: Recorded[Job], status: int) -> Response:
    """The job as the command left it, once the lists show it too."""
    _settle(recorded)
    response = _document(gas().jobs.get(recorded.aggregate.id, owner=person().user), status)
    if status == 201:
        response.headers["Location"] = f"/api/v1/jobs/{recorded.aggregate.id}"
    return response


def _settle(recorded: Recorded[Job]) -> None:
    """Wait for every view: lists show the job, and the plan's counts know of it."""
    give_up = time.monotonic() + SETTLE_SECONDS
    for view in gas().kept_views:
        left = give_up - time.monotonic()
        await_position(gas().views, view.name, recorded.position, seconds=max(left, 0))


def _document(document: dict[str, Any], status: int = 200) -> Response:
    """With the version as ETag; while it runs its progress changes without one, so no 304."""
    response = make_response(document, status)
    response.set_etag(str(document["version"]))
    if status == 200 and document["progress"] is None:
        response.make_conditional(request)
    return response


def _if_match() -> int | None:
    """The version the caller has seen, from If-Match; None when any will do."""
    tags = request.if_match
    if not tags or tags.star_tag:
        return None
    version = tags.to_header().strip('"')
    if not version.isascii() or not version.isdigit():
        raise Refused("version_mismatch", 'If-Match takes one ETag of the job, like "3".')
    return int(version)
