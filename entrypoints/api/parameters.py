"""The shapes of what the API takes, from which its OpenAPI document is made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from entrypoints.api.documents import Status, Strict
from entrypoints.job_documents import LONGEST_PAGE, PAGE

LONGEST_WAIT = 25  # seconds
MOST_EVENTS = 500
HAPLOTYPES = "judge changes on one phased haplotype together"
NORMALISE = "left-align indels and split records of several alleles first"


class JobPath(BaseModel):
    job_id: str = Field(description="the job's id (a UUID)")


class DownloadPath(JobPath):
    what: Literal["input", "result", "index", "log", "summary", "stats", "table"] = Field(
        description="which of the job's files"
    )


class ReferencePath(BaseModel):
    name: str = Field(description="the reference's name")


class SchemaPath(BaseModel):
    event_type: str = Field(description="an event's `type`, as `job.submitted.v1`")


class UploadRequest(Strict):
    """A file that is about to be uploaded."""

    filename: str = Field(min_length=1, max_length=1000, examples=["sample.vcf.gz"])
    bytes: int | None = Field(None, ge=0, description="its size, to be refused before uploading")


class JobRequest(Strict):
    """A job for a file that was uploaded."""

    upload_id: str = Field(min_length=1, max_length=100)
    reference: str = Field(min_length=1, max_length=100, examples=["sars-cov-2"])
    label: str = Field("", max_length=200, description="your own name for it")
    haplotypes: bool = Field(False, description=HAPLOTYPES)
    normalise: bool = Field(False, description=NORMALISE)


class JobForm(Strict):
    """The same with the file in the request."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"}, description="the VCF")]
    reference: str = Field(min_length=1, max_length=100)
    label: str = Field("", max_length=200)
    haplotypes: bool = Field(False, description=HAPLOTYPES)
    normalise: bool = Field(False, description=NORMALISE)


class JobsQuery(Strict):
    status: Status | None = Field(None, description="only jobs in this state")
    reference: str = Field("", max_length=100, description="only jobs of this reference")
    label: str = Field("", max_length=200, description="only jobs whose label or file has this")
    cursor: str = Field("", max_length=500, description="`next` of the page before")
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE, description="jobs on one page")


class EventsQuery(Strict):
    after: int = Field(0, ge=0, le=2**63 - 1, description="`next` of the answer before")
    types: str = Field("", max_length=1000, description="only these types, separated by commas")
    limit: int = Field(100, ge=1, le=MOST_EVENTS, description="most events in one answer")
    wait: float = Field(
        0, ge=0, le=LONGEST_WAIT, description="seconds to wait when there is nothing new"
    )
