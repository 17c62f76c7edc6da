"""The variants of a job, as the API gives them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.annotator_bcftools import BcftoolsAnnotator
from adapters.annotator_bcftools.references import BUNDLED
from domain.context import acting
from domain.job_events import Failure
from entrypoints.api.variant_documents import VariantsDocument
from entrypoints.app import create_app
from entrypoints.bootstrap import Gas
from tests.entrypoints.api.conftest import Api
from tests.entrypoints.api.jobs import annotate, submitted
from tests.entrypoints.running import Somebody, a_gas, kept_views

EXAMPLE = (BUNDLED / "sars-cov-2" / "example.vcf").read_bytes()


@pytest.fixture
def gas(tmp_path: Path) -> Iterator[Gas]:
    gas = a_gas(tmp_path, annotator=BcftoolsAnnotator(None))
    with kept_views(gas):
        yield gas


@pytest.fixture
def waiting(api: Any) -> dict[str, Any]:
    return submitted(api, data=EXAMPLE, reference="sars-cov-2")


@pytest.fixture
def path(gas: Gas, waiting: dict[str, Any]) -> str:
    """Of the variants of a completed job."""
    annotate(gas, waiting)
    return f"/jobs/{waiting['id']}/variants"


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    VariantsDocument.model_validate(answer.json)
    return [row["id"] for row in answer.json["variants"]]


def test_a_completed_jobs_variants_are_listed_with_what_they_do(api: Any, path: str) -> None:
    answer = api.get(path)
    assert len(ids(answer)) == answer.json["total"]["rows"] == answer.json["total"]["records"] == 16
    d614g = next(row for row in answer.json["variants"] if row["id"] == "S-D614G")
    assert d614g == {
        "record": 9, "effect": 0, "chrom": "NC_045512.2", "pos": 23403, "id": "S-D614G",
        "ref": "A", "alt": "G", "qual": None, "filter": d614g["filter"],
        "consequence": "missense", "impact": "MODERATE", "gene": "S",
        "transcript": d614g["transcript"], "biotype": "protein_coding", "strand": "+",
        "aa": "D614G", "dna": "23403A>G",
    }  # fmt: skip
    facets = answer.json["facets"]
    assert facets["impact"][0] == {"value": "MODERATE", "rows": 12}
    assert {"value": "S", "rows": 7} in facets["gene"]


FILTERED: list[tuple[dict[str, str], list[str]]] = [
    ({"gene": "ORF8"}, ["ORF8-Q27stop", "ORF8-L84S"]),
    ({"consequence": "stop_gained"}, ["ORF8-Q27stop"]),
    ({"impact": "HIGH"}, ["ORF8-Q27stop"]),
    ({"text": " d614G "}, ["S-D614G"]),
    ({"text": "23,403"}, ["S-D614G"]),
    ({"gene": "S", "impact": "HIGH"}, []),
    ({"gene": "nobody's"}, []),
]


def test_filters_are_joined(api: Any, path: str) -> None:
    for query, found in FILTERED:
        answer = api.get(path, query_string=query)
        assert ids(answer) == found, query
        assert answer.json["total"]["rows"] == len(found)


def test_a_facet_shows_what_another_choice_would_give(api: Any, path: str) -> None:
    facets = api.get(path, query_string={"gene": "ORF8"}).json["facets"]
    assert {"value": "S", "rows": 7} in facets["gene"], "not narrowed by itself"
    assert facets["consequence"] == [
        {"value": "missense", "rows": 1},
        {"value": "stop_gained", "rows": 1},
    ]


def test_pages_follow_one_another(api: Any, path: str) -> None:
    whole, found = ids(api.get(path)), list[str]()
    cursor: str | None = ""
    while cursor is not None:
        page = api.get(path, query_string={"limit": 5, **({"cursor": cursor} if cursor else {})})
        found += ids(page)
        assert page.json["total"]["rows"] == 16
        cursor = page.json["next"]
    assert found == whole


def test_what_cannot_be_asked_is_a_problem(api: Any, path: str) -> None:
    for cursor in ("x", "MQ", "LTEuMA", "é", "MS4" + "5" * 400):
        answer = api.get(path, query_string={"cursor": cursor})
        assert (answer.status_code, answer.json["code"]) == (422, "bad_cursor"), cursor
    wrong: tuple[dict[str, Any], ...]
    wrong = ({"impact": "LARGE"}, {"limit": 0}, {"limit": 1001}, {"text": "x" * 201}, {"q": "x"})
    for query in wrong:
        answer = api.get(path, query_string=query)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_request"), query


def test_before_it_is_completed_there_are_none_yet(api: Any, waiting: dict[str, Any]) -> None:
    answer = api.get(f"/jobs/{waiting['id']}/variants")
    assert (answer.status_code, answer.json["code"]) == (409, "no_variants_yet")
    assert "waiting for its turn" in answer.json["detail"]


def test_a_cancelled_and_a_failed_job_have_none(gas: Gas, api: Any) -> None:
    cancelled = submitted(api, data=EXAMPLE, reference="sars-cov-2")
    api.post(f"/jobs/{cancelled['id']}/cancel")
    failed = submitted(api, data=EXAMPLE, reference="sars-cov-2")
    fail(gas, UUID(failed["id"]))
    for job, word in ((cancelled, "Run it again"), (failed, "says why")):
        answer = api.get(f"/jobs/{job['id']}/variants")
        assert (answer.status_code, answer.json["code"]) == (404, "no_variants")
        assert word in answer.json["detail"]


def fail(gas: Gas, job_id: UUID) -> None:
    with acting("worker:test"):
        gas.service.start_annotation(job_id, attempt=1, worker="w", provenance={})
        failure = Failure(code="no_header", line=1, column=None, facts={})
        gas.service.record_failure(job_id, attempt=1, failure=failure, log=None, final=True)


def test_others_jobs_and_deleted_ones_are_not_found(api: Any, bobs_api: Any, path: str) -> None:
    for asking, there in ((bobs_api, path), (api, f"/jobs/{uuid4()}/variants")):
        answer = asking.get(there)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    api.get(path)  # a copy is here now, which must not matter
    assert api.delete(path.removesuffix("/variants")).status_code == 204
    assert api.get(path).json["code"] == "not_found"


def test_a_token_without_the_right_and_none_at_all_are_refused(
    app: Any, gas: Gas, ada: Somebody, stranger: Any, path: str
) -> None:
    with acting(f"user:{ada.user}"):
        token = gas.people.create_token(ada.user, name="x", scopes=["events:read"])
    assert Api(app.test_client(), Somebody(ada.user, token)).get(path).status_code == 403
    assert stranger.get(f"/api/v1{path}").status_code == 401


def test_a_table_that_is_gone_or_damaged_is_a_sentence(gas: Gas, api: Any, path: str) -> None:
    file = gas.jobs.row(UUID(path.split("/")[2]), UUID(api.get("/me").json["id"]))["files"]["table"]
    table = gas.files.first_bytes(file["key"], 10**7)
    gas.files.put(file["key"], table[:-1])
    damaged = api.get(path)
    assert (damaged.status_code, damaged.json["code"]) == (500, "table_damaged")
    gas.files.delete([file["key"]])
    gone = api.get(path)
    assert (gone.status_code, gone.json["code"]) == (404, "file_missing")


def test_a_service_that_starts_anew_goes_on_with_a_cursor(
    gas: Gas, ada: Somebody, path: str
) -> None:
    first = Api(create_app(gas).test_client(), ada).get(path, query_string={"limit": 9}).json
    later = Api(create_app(gas).test_client(), ada)
    assert len(ids(later.get(path, query_string={"cursor": first["next"]}))) == 7
