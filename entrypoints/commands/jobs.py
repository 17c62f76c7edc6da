"""`gas submit`, `jobs`, `show`, `cancel`, `delete`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from domain.sizes import size_in_words
from entrypoints.client import Client
from entrypoints.commands.asking import (
    as_json,
    client,
    print_json,
    print_table,
    progress_bar,
    status_line,
)
from entrypoints.commands.saving import save

# storage -> the word in the list; any other is its own word
STORED = {"none": "-", "thawing": "being restored"}


@click.command()
@click.argument(
    "source", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--reference", "-r", required=True, help="See `gas reference list`.")
@click.option("--label", default="", help="Your own name for the job.")
@click.option("--haplotypes", is_flag=True, help="Judge changes on one phased haplotype together.")
@click.option("--normalise", is_flag=True, help="Left-align indels and split alleles first.")
@click.option("--wait", is_flag=True, help="Until it is finished; exit 1 unless it completed.")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to put the result; implies --wait.",
)
@as_json
def submit(
    *,
    source: Path,
    reference: str,
    label: str,
    wait: bool,
    output: Path | None,
    as_json: bool,
    **options: bool,
) -> None:
    """Submit the VCF file FILE; prints the job's id."""
    service = client()
    _check_reference(service, reference)
    with progress_bar(source.name, source.stat().st_size) as told:
        upload_id = service.upload(source, told)
    body = {"upload_id": upload_id, "reference": reference, "label": label, **options}
    job = service.post("/jobs", body, key=uuid4().hex)
    if wait or output:
        job = _wait(service, job)
    if output and job["status"] == "completed":
        save(service, f"/jobs/{job['id']}/result", output)
    if as_json:
        print_json(job)
    else:
        click.echo(job["id"])
    _check_outcome(job, waited=wait or output is not None)


@click.command()
@click.option("--status", default="", help="submitted, running, completed, failed or cancelled")
@click.option("--reference", "-r", default="", help="Only jobs of this reference.")
@click.option("--label", default="", help="Only jobs whose label or file name has this.")
@click.option("--limit", default=25, type=click.IntRange(1), help="How many, newest first.")
@as_json
def jobs(status: str, reference: str, label: str, limit: int, as_json: bool) -> None:
    """List your jobs, newest first."""
    found = _list(client(), limit, status=status, reference=reference, label=label)
    if as_json:
        print_json(found)
    else:
        headings = ["ID", "STATUS", "FILE", "REFERENCE", "SIZE", "SUBMITTED", "RESULT"]
        print_table(headings, [_row(job) for job in found])


@click.command()
@click.argument("job")
@as_json
def show(job: str, as_json: bool) -> None:
    """Show the job with the id JOB."""
    document = client().get(f"/jobs/{job_path(job)}")
    if as_json:
        print_json(document)
    else:
        for name, text in _description(document):
            click.echo(f"{name + ':':<12}{text}")


@click.command()
@click.argument("job")
@as_json
def cancel(job: str, as_json: bool) -> None:
    """Stop the job with the id JOB, unless it is finished."""
    document = client().post(f"/jobs/{job_path(job)}/cancel", key=uuid4().hex)
    if as_json:
        print_json(document)
    else:
        click.echo(document["status"])


@click.command()
@click.argument("job")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(job: str, yes: bool) -> None:
    """Remove the files and names of the job with the id JOB; they cannot be brought back."""
    path = f"/jobs/{job_path(job)}"
    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove all files of job {job}?", abort=True, err=True)
    client().delete(path)
    click.echo("deleted", err=True)


def job_path(job: str) -> str:
    """An id as it may stand in an address."""
    from urllib.parse import quote

    return quote(job, safe="")


# --- steps ---------------------------------------------------------------------------------------


def _check_reference(service: Client, reference: str) -> None:
    """Before a large file is sent for nothing."""
    names = [known["name"] for known in service.get("/references")["references"]]
    if reference not in names:
        raise click.ClickException(
            f"There is no reference {reference!r}. Installed are: {', '.join(names)}."
        )


def _wait(service: Client, job: dict[str, Any]) -> dict[str, Any]:
    with status_line(f"{job['id']} {job['status']}") as tell:
        return service.wait(job["id"], lambda seen: tell(f"{seen['id']} {_doing(seen)}"))


def _doing(job: dict[str, Any]) -> str:
    progress = job["progress"]
    if not sys.stderr.isatty() or not progress:
        return str(job["status"])
    return f"{progress['step']} {progress['percent']} %"


def _check_outcome(job: dict[str, Any], *, waited: bool) -> None:
    if not waited or job["status"] == "completed":
        return
    reason = job["error"]["message"] if job["error"] else "It has no result."
    raise click.ClickException(f"Job {job['id']} is {job['status']}. {reason}")


def _list(service: Client, limit: int, **filters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while len(found) < limit:
        wanted = str(min(limit - len(found), 100))
        page = service.get("/jobs", cursor=cursor, limit=wanted, **filters)
        found += page["jobs"]
        cursor = page["next"]
        if not cursor:
            break
    return found


def _row(job: dict[str, Any]) -> list[str]:
    return [
        job["id"],
        job["status"],
        job["filename"],
        job["reference"],
        size_in_words(job["input"]["bytes"]),
        job["submitted_at"][:19].replace("T", " "),
        STORED.get(job["storage"], job["storage"]),
    ]


def _description(job: dict[str, Any]) -> list[tuple[str, str]]:
    """What people want to know of a job, in the order they ask."""
    lines = [
        ("id", job["id"]),
        ("status", job["status"]),
        ("file", job["filename"]),
        ("label", job["label"]),
        ("reference", job["reference"]),
        ("submitted", job["submitted_at"]),
        ("finished", job["completed_at"]),
        ("input", _file(job["input"]) + (", removed" if job["input_removed"] else "")),
        ("result", _file(job["result"])),
        ("storage", _storage(job)),
        ("log", _file(job["log"])),
        ("error", job["error"] and job["error"]["message"]),
        ("progress", job["progress"] and _doing(job)),
    ]
    if job["summary"]:
        lines.append(("records", f"{job['summary']['records_out']} annotated"))
        lines += [(term, str(n)) for term, n in job["summary"]["by_impact"].items()]
    return [(name, text) for name, text in lines if text]


def _storage(job: dict[str, Any]) -> str:
    """Where the result is, in words."""
    match job["storage"]:
        case "available" if job["archives_at"]:
            return f"available, archives at {job['archives_at']}"
        case "archived":
            help_ = job["restore_problem"] or "upgrade to Premium to restore it"
            return f"archived since {job['archived_at']}; {help_}"
        case "thawing":
            expected = f", expected by {job['expected_by']}" if job["expected_by"] else ""
            return f"being restored{expected}"
        case "none":
            return ""
    return str(job["storage"])


def _file(file: dict[str, Any] | None) -> str:
    if not file:
        return ""
    return size_in_words(file["bytes"]) + (f", sha256 {file['sha256']}" if file["sha256"] else "")
