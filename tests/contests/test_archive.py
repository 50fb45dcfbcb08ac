"""All data in one zip: streamed, of a known length, the same bytes for the same files."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from contests import archive
from contests.models import DataFile, Task, TaskVersion
from tests.builders import DATA_FILES, make_blob, make_contest, phase_of, task_version_of

pytestmark = pytest.mark.django_db
MIB = 1 << 20


def versions(slug: str) -> list[TaskVersion]:
    return list(TaskVersion.objects.filter(task__phase__contest__slug=slug).select_related("task"))


def test_the_zip_holds_every_file_under_the_contests_name() -> None:
    make_contest()
    answer = Client().get("/contests/digits/data.zip")
    body = answer.getvalue()
    assert answer["Content-Disposition"] == 'attachment; filename="digits.zip"'
    assert int(answer["Content-Length"]) == len(body)
    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == {
            f"digits/{name}": content for name, content in DATA_FILES.items()
        }


def test_it_streams_under_asgi() -> None:
    make_contest()

    async def fetch() -> bytes:
        answer = await AsyncClient().get("/contests/digits/data.zip")
        return b"".join([piece async for piece in answer.streaming_content])  # type: ignore[attr-defined]

    assert async_to_sync(fetch)() == Client().get("/contests/digits/data.zip").getvalue()


def test_who_has_it_already_is_told_so_until_a_file_changes() -> None:
    contest = make_contest()
    etag = Client().get("/contests/digits/data.zip")["ETag"]
    again = Client().get("/contests/digits/data.zip", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    file = DataFile.objects.get(task_version=task_version_of(contest), name="test.csv")
    file.blob = make_blob(b"id,x\n9,1\n")
    file.save()
    changed = Client().get("/contests/digits/data.zip", headers={"if-none-match": etag})
    assert changed.status_code == 200
    assert changed["ETag"] != etag


@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_the_length_is_known_before_the_first_byte(count: int) -> None:
    make_contest(files={f"数据 {n} {'x' * n}.csv": b"a,b\n" * n for n in range(count)})
    files = archive.members(versions("digits"), "digits")
    assert archive.size(files) == sum(len(piece) for piece in archive.pieces(files))


def test_a_zip_with_long_headers_promises_no_length() -> None:
    assert archive.size([archive.Member("a/b", "0" * 64, 3 << 30)]) is None


def test_files_of_several_tasks_lie_apart_and_no_name_leads_elsewhere() -> None:
    contest = make_contest(files={"../../etc/x.csv": b"a\n"})
    first = task_version_of(contest)
    first.pk, first.task = None, Task.objects.create(phase=phase_of(contest), slug="second", title="2")
    first.save()
    DataFile.objects.create(task_version=first, name="x.csv", blob=make_blob(b"b\n"))
    names = [file.name for file in archive.members(versions("digits"), "digits")]
    assert sorted(names) == ["digits/main/x.csv", "digits/second/x.csv"]


def test_a_large_zip_is_never_whole_in_memory() -> None:
    make_contest(files={f"large-{n}.bin": bytes([n]) * (24 * MIB) for n in range(3)})
    files = archive.members(versions("digits"), "digits")
    tracemalloc.start()
    try:
        total = sum(len(piece) for piece in archive.pieces(files))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total > 72 * MIB
    assert peak < 8 * MIB
