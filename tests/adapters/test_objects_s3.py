"""The object store's contract, against the embedded cloud over HTTP."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.cloud import Cloud
from adapters.objects_s3 import KEY, S3Objects, content_disposition
from domain.errors import NotFound, WrongState
from domain.ports import PresignedPost
from tests.cloud import ORIGIN, Stack


@pytest.fixture
def files(stack: Stack) -> S3Objects:
    return stack.files


def test_what_was_put_is_read_back_with_size_etag_and_class(files: S3Objects) -> None:
    head = files.put("results/1/annotated.vcf", b"##fileformat\n", content_type="text/plain")
    assert (head.key, head.bytes) == ("results/1/annotated.vcf", 13)
    assert head.etag == hashlib.md5(b"##fileformat\n").hexdigest()  # noqa: S324
    assert head.storage_class == "STANDARD"
    assert head.modified.tzinfo is not None
    assert files.head("results/1/annotated.vcf") == head
    assert files.open("results/1/annotated.vcf").read() == b"##fileformat\n"


def test_a_missing_key_is_none_from_head_and_not_found_from_everything_else(
    files: S3Objects, tmp_path: Path
) -> None:
    assert files.head("nothing") is None
    with pytest.raises(NotFound):
        files.open("nothing")
    with pytest.raises(NotFound):
        files.first_bytes("nothing", 10)
    with pytest.raises(NotFound):
        files.download_url("nothing", filename="x", seconds=60)
    with pytest.raises(NotFound):
        files.copy_from(files, "nothing", "copy")
    files.delete(["nothing"])


def test_a_stream_reads_lines_and_whole_files_without_holding_them(
    files: S3Objects, tmp_path: Path
) -> None:
    path = tmp_path / "lines"
    with path.open("wb") as out:
        out.writelines(b"%d\n" % n for n in range(200_000))
    assert files.upload("inputs/lines", path).bytes == path.stat().st_size
    with files.open("inputs/lines") as stream:
        assert stream.readline() == b"0\n"
        assert sum(1 for _ in stream) == 199_999
    with files.open("inputs/lines") as stream:
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(path.read_bytes()).digest()


def test_a_stream_that_is_cut_off_is_an_error_and_not_an_end() -> None:
    half = b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nETag: "e"\r\n\r\n' + b"x" * 50_000
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(half)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        cloud = Cloud(url, region="us-east-1", access_key="a", secret_key="b")
        files = S3Objects(cloud.client("s3", attempts=1), "bucket")
        with files.open("key") as stream, pytest.raises(ConnectionError, match="broke off"):
            stream.read()
        with files.open("key") as stream, pytest.raises(ConnectionError, match="broke off"):
            list(stream)
        thread.join()


def test_a_file_above_the_multipart_threshold_arrives_whole(
    files: S3Objects, tmp_path: Path
) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(range(256)) * 40_000)  # 10 MB: two parts
    head = files.upload("inputs/big", path)
    assert head.bytes == path.stat().st_size
    assert files.open("inputs/big").read() == path.read_bytes()


def test_an_object_changed_since_it_was_looked_at_is_not_opened(files: S3Objects) -> None:
    before = files.put("inputs/a", b"one")
    assert files.open("inputs/a", if_match=before.etag).read() == b"one"
    files.put("inputs/a", b"two")
    with pytest.raises(WrongState, match="no longer"):
        files.open("inputs/a", if_match=before.etag)


def test_first_bytes_of_a_short_or_empty_object_are_what_there_is(files: S3Objects) -> None:
    files.put("a", b"0123456789")
    files.put("empty", b"")
    assert files.first_bytes("a", 4) == b"0123"
    assert files.first_bytes("a", 100) == b"0123456789"
    assert files.first_bytes("empty", 4) == b""


def test_a_copy_keeps_content_and_type_and_asks_for_the_right_source(stack: Stack) -> None:
    uploads, files = stack.uploads, stack.files
    before = uploads.put("u/1", b"data", content_type="text/x-vcf")
    copied = files.copy_from(uploads, "u/1", "inputs/1", if_match=before.etag)
    assert copied.bytes == 4
    assert files.open("inputs/1").read() == b"data"
    s3 = stack.aws.client("s3")
    assert s3.head_object(Bucket=files.bucket, Key="inputs/1")["ContentType"] == "text/x-vcf"
    uploads.put("u/1", b"other")
    with pytest.raises(WrongState):
        files.copy_from(uploads, "u/1", "inputs/2", if_match=before.etag)
    assert files.head("inputs/2") is None


def test_listing_goes_beyond_the_first_page_and_deleting_beyond_the_first_batch(
    stack: Stack,
) -> None:
    files = S3Objects(stack.aws.client("s3"), stack.files.bucket, page=3)
    keys = [f"many/{n}" for n in range(8)]
    for key in [*keys, "other"]:
        files.put(key, b"")
    assert [head.key for head in files.list("many/")] == keys
    files.delete(keys)
    assert [head.key for head in files.list()] == ["other"]


@pytest.mark.parametrize(
    "key", ["", "/a", "a//b", "../a", "a/../../b", "a/./b", "a/", "a\nb", "${filename}", "ä", "a b"]
)
def test_a_key_that_could_leave_its_place_is_refused(stack: Stack, key: str) -> None:
    files = stack.files
    for attempt in (
        lambda: files.head(key),
        lambda: files.open(key),
        lambda: files.put(key, b""),
        lambda: files.delete([key]),
        lambda: files.upload_form(key, max_bytes=1, seconds=1),
        lambda: files.download_url(key, filename="x", seconds=1),
    ):
        with pytest.raises(ValueError, match="not a key"):
            attempt()


@given(st.text())
def test_no_accepted_key_has_a_segment_that_climbs(key: str) -> None:
    if KEY.fullmatch(key):
        assert all(part.strip(".") or part.count(".") > 2 for part in key.split("/"))


# --- presigned -----------------------------------------------------------------------------------


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def submit(form: PresignedPost, content: bytes, **changed: str) -> tuple[int, Message | None, str]:
    """What a browser does with the form; status, headers and body of the answer."""
    boundary = "gas-boundary"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in (form.fields | changed).items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x.vcf"\r\n\r\n'
    body = b"".join(parts) + head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        form.url,
        data=body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}", "Origin": ORIGIN},
    )
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_a_form_uploads_to_its_key_alone(stack: Stack) -> None:
    form = stack.uploads.upload_form("uploads/1", max_bytes=100, seconds=60)
    assert submit(form, b"##fileformat=VCFv4.2")[0] in (200, 204)
    assert stack.uploads.open("uploads/1").read() == b"##fileformat=VCFv4.2"
    assert submit(form, b"x", key="uploads/2")[0] == 403
    assert stack.uploads.head("uploads/2") is None


def test_the_store_refuses_one_byte_too_many_in_words_a_page_may_read(stack: Stack) -> None:
    form = stack.uploads.upload_form("uploads/1", max_bytes=100, seconds=60)
    status, headers, body = submit(form, b"x" * 101)
    assert status == 400
    assert "EntityTooLarge" in body
    assert headers is not None
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert stack.uploads.head("uploads/1") is None
    assert submit(form, b"x" * 100)[0] in (200, 204)


def test_a_form_without_scripts_comes_back_to_our_page_with_the_key(stack: Stack) -> None:
    back = f"{ORIGIN}/jobs/new"
    form = stack.uploads.upload_form("uploads/1", max_bytes=100, seconds=60, redirect=back)
    status, headers, _ = submit(form, b"data")
    assert status == 303
    assert headers is not None
    where = urlsplit(headers["Location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == back
    assert parse_qs(where.query)["key"] == ["uploads/1"]
    assert submit(form, b"x", success_action_redirect="http://elsewhere.example/")[0] == 403


def test_an_expired_form_or_link_is_refused(stack: Stack) -> None:
    form = stack.uploads.upload_form("uploads/1", max_bytes=100, seconds=1)
    stack.files.put("a", b"data")
    link = stack.files.download_url("a", filename="a.vcf", seconds=1)
    time.sleep(2.1)
    assert submit(form, b"data")[0] == 403
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link, timeout=10)


@pytest.mark.parametrize(
    ("filename", "saved"),
    [
        ("sample.vcf", "sample.vcf"),
        ('a"b\r\nX-Evil: 1.vcf', "a_b__X-Evil_ 1.vcf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("", "download"),
    ],
)
def test_a_download_saves_under_a_safe_name(stack: Stack, filename: str, saved: str) -> None:
    stack.files.put("a", b"data", content_type="text/html")
    link = stack.files.download_url("a", filename=filename, seconds=60)
    with urllib.request.urlopen(link, timeout=10) as answer:
        disposition = answer.headers["Content-Disposition"]
        assert answer.read() == b"data"
        assert answer.headers["X-Evil"] is None
    assert disposition.startswith(f'attachment; filename="{saved}"')


@given(st.text(max_size=300))
def test_no_filename_can_break_out_of_its_header(filename: str) -> None:
    header = content_disposition(filename)
    assert re.fullmatch(
        r"attachment; filename=\"[ !#-.0-~]+\"; filename\*=UTF-8''[\w.~%-]+", header, re.ASCII
    )
    assert "/" not in header.removeprefix("attachment")


def test_an_altered_link_is_refused(stack: Stack) -> None:
    stack.files.put("a", b"mine")
    stack.files.put("b", b"somebody else's")
    link = stack.files.download_url("a", filename="a", seconds=60)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link.replace("/a?", "/b?"), timeout=10)


def test_without_a_signature_nothing_can_be_read(stack: Stack) -> None:
    stack.files.put("a", b"mine")
    link = stack.files.download_url("a", filename="a", seconds=60).split("?")[0]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link, timeout=10)


def test_an_archived_file_says_so_instead_of_giving_a_link(stack: Stack) -> None:
    s3 = stack.aws.client("s3")
    s3.put_object(Bucket=stack.files.bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    with pytest.raises(WrongState, match="restored"):
        stack.files.download_url("cold", filename="x", seconds=60)
    with pytest.raises(WrongState, match="restored"):
        stack.files.open("cold")
