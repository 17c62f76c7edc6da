"""New job: a file straight to the store, pasted text, or the example of a reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

from flask import (
    Blueprint,
    abort,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from domain.errors import DomainError
from domain.ports import Options
from domain.ports.annotation import PLAIN
from entrypoints.people import Person
from entrypoints.web.allowance import allowance_of
from entrypoints.web.errors import status_of
from entrypoints.web.visitor import signed_in, the_gas

routes = Blueprint("new_job", __name__)

SOURCES = ("file", "text", "example")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person has filled in; it comes back with every answer that asks for a change."""

    upload_id: str
    source: str = "file"
    reference: str = ""
    label: str = ""
    text: str = ""
    filename: str = ""
    uploaded: bool = False
    options: Options = PLAIN

    @classmethod
    def from_form(cls) -> Draft:
        form = request.form
        source = form.get("source", "file")
        return cls(
            upload_id=checked_upload_id(form.get("upload_id", "")),
            source=source if source in SOURCES else "file",
            reference=form.get("reference", ""),
            label=form.get("label", ""),
            text=form.get("text", "").replace("\r\n", "\n"),
            filename=form.get("filename", ""),
            uploaded=form.get("uploaded") == "yes",
            options=_options(form),
        )


@routes.get("/new")
@signed_in
def page(person: Person) -> ResponseReturnValue:
    example = request.args.get("example", "")
    return _form(
        person,
        Draft(
            fresh_upload_id(),
            source="example" if example else "file",
            reference=example or request.args.get("reference", ""),
            label=request.args.get("label", ""),
            options=_options(request.args),
        ),
    )


@routes.post("/new/upload")
@signed_in
def begin_upload(person: Person) -> ResponseReturnValue:
    """A place for one file, for the script: the form that goes straight to the store, as JSON."""
    upload = the_gas().uploading.begin(person.user, filename=request.form.get("filename", ""))
    return jsonify(upload_id=upload.id, max_bytes=upload.max_bytes, form=asdict(upload.form))


@routes.get("/new/ready/<upload_id>")
@signed_in
def ready(person: Person, upload_id: str) -> ResponseReturnValue:
    """Where the form without scripts comes back to: shows what arrived and changes nothing."""
    upload_id = checked_upload_id(upload_id)
    arrived = the_gas().uploading.uploaded(person.user, upload_id)
    draft = Draft(
        upload_id,
        reference=request.args.get("reference", ""),
        label=request.args.get("label", ""),
        filename=request.args.get("filename", ""),
        uploaded=True,
        options=_options(request.args),
    )
    return _ready(draft, arrived["bytes"])


@routes.post("/jobs")
@signed_in
def submit(person: Person) -> ResponseReturnValue:
    """Submit what was uploaded, pasted or chosen; sent twice, it is still one job."""
    draft = Draft.from_form()
    if draft.source == "file" and not draft.uploaded:
        return _upload_page(person, draft)
    try:
        job_id = _submit(person, draft)
    except DomainError as error:
        return _form(person, draft, error)
    return redirect(url_for("web.job.page", job_id=job_id), 303)


def _options(fields: Mapping[str, str]) -> Options:
    """The boxes that are ticked, from a form or an address."""
    return Options(**{name: fields.get(name) == "yes" for name in asdict(PLAIN)})


def _chosen(options: Options) -> dict[str, Any]:
    """The ticked boxes as fields of an address."""
    return {name: "yes" for name, ticked in asdict(options).items() if ticked}


def fresh_upload_id() -> str:
    """Names what one form will submit, so that sending it twice makes one job."""
    return uuid4().hex


def _submit(person: Person, draft: Draft) -> UUID:
    recorded = the_gas().submission.submit(
        person.user,
        upload_id=draft.upload_id if draft.source == "file" else _receive(person, draft),
        reference=draft.reference,
        label=draft.label,
        filename=draft.filename if draft.source == "file" else "",
        options=draft.options,
    )
    return recorded.aggregate.id


def _receive(person: Person, draft: Draft) -> str:
    """Take the text or the example; the upload's id.

    It follows from the form and what is in it: sent twice it is one job, changed it is another.
    """
    content = f"{draft.source}\n{draft.reference}\n{_chosen(draft.options)}\n{draft.text}"
    example = draft.source == "example"
    return the_gas().uploading.receive(
        person.user,
        filename=f"{draft.reference}.example.vcf" if example else "pasted.vcf",
        data=the_gas().annotator.example(draft.reference) if example else draft.text.encode(),
        upload_id=uuid5(UUID(draft.upload_id), content).hex,
    )


def _form(person: Person, draft: Draft, error: DomainError | None = None) -> ResponseReturnValue:
    gas = the_gas()
    html = render_template(
        "new_job.html",
        draft=draft,
        error=error,
        allowance=allowance_of(gas, person.user),
        references=gas.annotator.references(),
    )
    return make_response(html, status_of(error) if error else 200)


def _upload_page(person: Person, draft: Draft) -> ResponseReturnValue:
    """The next page for a browser without scripts: the store's own form."""
    upload = the_gas().uploading.begin(
        person.user, filename=draft.filename, redirect=_way_back(draft)
    )
    return make_response(
        render_template("upload.html", upload=upload, draft=draft, chosen=_chosen(draft.options))
    )


def _way_back(draft: Draft) -> str:
    """Our address with the submission's ``{upload}`` in it, once: typed braces are encoded."""
    address = url_for(
        "web.new_job.ready",
        upload_id="UPLOAD",
        reference=draft.reference,
        label=draft.label,
        filename=draft.filename,
        **_chosen(draft.options),
    )
    return the_gas().settings.address + address.replace("/UPLOAD", "/{upload}", 1)


def _ready(draft: Draft, size: int) -> ResponseReturnValue:
    return make_response(
        render_template(
            "ready.html", draft=draft, size=size, references=the_gas().annotator.references()
        )
    )


def checked_upload_id(upload_id: str) -> str:
    """An id as our forms have it, or a 400: it becomes part of a key in the store."""
    try:
        return UUID(hex=upload_id).hex
    except ValueError:
        abort(400, "This form is not one of ours. Open “New job” and start again.")
