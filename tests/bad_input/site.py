"""What the tests of bad input share: a contest whose ids keep their zeros, a reader who is signed in, a raw upload."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import html
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import translation
from django.utils.translation import gettext

from tests.builders import PASSWORD
from tests.faults.leftovers import nothing_is_left
from tests.stack import PERFECT, Stack, eventually

MIB = 1 << 20
UNFINISHED = "select id from contests_submission where status not in ('FINISHED', 'FAILED', 'CANCELLED')"
BOUNDARY = "----podium"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
GOOD = "id,target\n" + "".join(
    f"{row:03d},{row / 2}\n" for row in range(1, 9)
)  # rmse 0 in the contest `exact`
MAKE_EXACT = """
from contests.models import Contest, TaskVersion
from tests import builders
if not Contest.objects.filter(slug="exact").exists():
    rows = "".join(f"{n:03d},{n / 2},{'Public' if n % 2 else 'Private'}\\n" for n in range(1, 9))
    builders.make_contest("exact", metric="rmse", daily_limit=1000, solution=f"id,target,Usage\\n{rows}".encode())
    like = TaskVersion.objects.get(task__phase__contest__slug="tiny")
    made = TaskVersion.objects.get(task__phase__contest__slug="exact")
    made.environment, made.scoring_environment, made.limits = like.environment, like.scoring_environment, like.limits
    made.save()
    made.environments.set([like.environment])
"""

MAKE_CELLS = """
from contests.models import Contest, TaskVersion
from tests import builders
from tests import stack_seed
if not Contest.objects.filter(slug="cells").exists():
    kinds = ["predictions", "script", "notebook"]
    solution = stack_seed.SOLUTION.encode()
    builders.make_contest("cells", kinds=kinds, daily_limit=1000, files=stack_seed.FILES, solution=solution)
    like = TaskVersion.objects.get(task__phase__contest__slug="tiny")
    made = TaskVersion.objects.get(task__phase__contest__slug="cells")
    made.environment, made.scoring_environment, made.limits = like.environment, like.scoring_environment, like.limits
    made.save()
    made.environments.set([like.environment])
"""


def open_cells(stack: Stack) -> None:
    """Open the contest `cells`: the task of `tiny`, which takes notebooks too."""
    stack.query(MAKE_CELLS)


def open_exact(stack: Stack) -> None:
    """Open the contest `exact`: rmse, ids `001` to `008`."""
    stack.query(MAKE_EXACT)


class Reader:
    """Alice's browser. Its language is asked for page by page."""

    def __init__(self, stack: Stack) -> None:
        self.http = httpx.Client(base_url=stack.url, follow_redirects=True, timeout=30)
        form = {"login": "alice", "password": PASSWORD, "csrfmiddlewaretoken": self.csrf("/accounts/login/")}
        self.http.post("/accounts/login/", data=form, headers={"Referer": stack.url})
        assert "sessionid" in self.http.cookies

    def csrf(self, path: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.http.get(path).text)
        assert found is not None
        return found[1]

    def page(self, path: str, language: str = "en") -> str:
        """What the page says, as text."""
        answer = self.http.get(path, headers={"Accept-Language": language})
        assert answer.status_code == httpx.codes.OK, answer.status_code
        return text_of(answer.text)

    def submission(self, identifier: str, language: str = "en") -> str:
        return self.page(f"/submissions/{identifier}/", language)


def text_of(page: str) -> str:
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", bare)))


def in_chinese(sentence: str, params: dict[str, Any] | None = None) -> str:
    """The Chinese of a sentence (a msgid), which must exist."""
    with translation.override("zh-hans"):
        said = gettext(sentence)
    assert CHINESE.search(said), f"no Chinese for: {sentence}"
    return said % params if params else said


def is_judged_as_ever(stack: Stack) -> None:
    """The next submissions get their scores as if nothing had happened, and the host is clean."""
    script = stack.submit(PERFECT, user="bob")
    answer = stack.post(GOOD.encode(), contest="exact", filename="next.csv", user="bob")
    assert answer.status_code == httpx.codes.CREATED, answer.text
    predictions = answer.json()["id"]
    for identifier, score in ((script, 1.0), (predictions, 0.0)):
        judged = stack.wait_verdict(identifier, user="bob")
        assert (judged["verdict"], judged["public_score"]) == ("SCORED", score), judged
    nothing_is_left(stack)


def rows(stack: Stack, question: str, *values: str) -> list[tuple[Any, ...]]:
    """What the stack's database answers."""
    with stack.database() as ask:
        return ask(question, *values)


@dataclasses.dataclass(frozen=True)
class Kept:
    """What the site keeps: submissions, blobs on disk, files of uploads under way."""

    submissions: int
    files: frozenset[Path]


def kept(stack: Stack) -> Kept:
    """What is kept when nothing more is judged: a host at work makes blobs of its own."""
    with contextlib.suppress(
        pytest.fail.Exception
    ):  # another file's tests may have left one that waits for ever
        eventually(lambda: not rows(stack, UNFINISHED), within_s=20, what="nothing is judged any more")
    return _kept(stack)


def _kept(stack: Stack) -> Kept:
    ((submissions,),) = rows(stack, "select count(*) from contests_submission")
    files = (path for folder in ("blobs", "uploads") for path in (stack.var / folder).rglob("*"))
    return Kept(submissions, frozenset(path for path in files if path.is_file()))


def nothing_new_is_kept(stack: Stack, before: Kept) -> None:
    """What was spooled goes when its request is closed, a moment after the answer; a chore may remove old files."""

    def new() -> list[object]:
        now = _kept(stack)
        return [*range(before.submissions, now.submissions), *(now.files - before.files)]

    eventually(lambda: not new(), within_s=5, what=f"{new()} is not kept")


def is_counted_once(stack: Stack, identifier: str) -> None:
    """The submission has one run, and one score exactly when its verdict is SCORED."""
    key = identifier.replace("-", "")
    ((verdict,),) = rows(stack, "select verdict from contests_submission where id = ?", key)
    runs = rows(stack, "select id from judge_run where submission_id = ?", key)
    scores = rows(stack, "select id from leaderboard_score where submission_id = ?", key)
    assert (len(runs), len(scores)) == (1, int(verdict == "SCORED"))


def multipart(content: bytes, disposition: bytes, *, field: bytes = b"file") -> bytes:
    """A form with one file, whose Content-Disposition ends as given: nothing between us and the wire tidies it."""
    return (
        f"--{BOUNDARY}\r\n".encode()
        + b'Content-Disposition: form-data; name="'
        + field
        + b'"; '
        + disposition
        + b"\r\nContent-Type: text/x-python\r\n\r\n"
        + content
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )


def post_raw(stack: Stack, body: bytes, *, contest: str = "tiny") -> httpx.Response:
    with stack.client() as client:
        return client.post(
            f"/api/v1/contests/{contest}/submissions/",
            content=body,
            headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
        )


@contextlib.contextmanager
def raw_upload(stack: Stack, *, announced: int | None, suffix: str = ".csv") -> Iterator[socket.socket]:
    """A connection on which an upload has begun; `announced` is its Content-Length, or it is chunked."""
    length = "Transfer-Encoding: chunked" if announced is None else f"Content-Length: {announced}"
    head = (
        "POST /api/v1/contests/tiny/submissions/ HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{stack.port}\r\n"
        f"Authorization: Token {stack.tokens['alice']}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"{length}\r\n\r\n"
    )
    start = multipart(b"", f'filename="big{suffix}"'.encode()).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", stack.port), timeout=30) as connection:
        connection.sendall(head.encode() + (as_chunk(start) if announced is None else start))
        yield connection


def as_chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


@functools.cache
def reader_of(stack: Stack) -> Reader:
    return Reader(stack)
