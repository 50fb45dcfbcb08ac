"""The contestant who hands in every case: uploads, waits, and fetches everything that a contestant can."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx

from operations.corpus import uploading
from operations.corpus.uploading import Upload

TERMINAL = {"FINISHED", "FAILED", "CANCELLED"}
LOOK_EVERY_S = 0.15
MOST_PAGES = 60  # of one crawl
MOST_UNPACKED = 64 << 20
LOG_CALLS = 200
MOST_TASKS = 4  # their ids are tried, whose they may be
_ADDRESS = re.compile(r"""(?:href|src|action|data-[a-z-]*url|hx-get)=["']([^"'<>]+)["']""")
_TOKEN = re.compile(r'data-topic="([^"]+)" data-token="([^"]+)"')
# Of a submission, below /api/v1/submissions/<id>/. Another's must answer none of them.
_OF_A_SUBMISSION = ("", "log/", "files/", "usage/", "feedback/", "source")
_OF_A_CONTEST = (
    *("", "data/", "data.zip", "starter/", "leaderboard/", "leaderboard/me/", "quota/", "tasks/"),
    *("participation/", "participants/", "submissions/", "phases/", "usage/", "usage/contestants/"),
)


class Stopped(Exception):
    """The operator ended the command."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fetched:
    """One answer of the site, whole: the status line's number, its headers as sent, its body."""

    address: str
    status: int
    headers: httpx.Headers
    body: bytes

    def everything(self) -> bytes:
        headers = b"".join(name + b": " + value + b"\n" for name, value in self.headers.raw)
        return self.address.encode() + b"\n" + headers + self.body + b"\n" + _unpacked(self.body)


class Contestant:
    """One account: an API client and a browser that is signed in. Used by several threads."""

    def __init__(self, url: str, name: str, token: str, password: str, stopping: threading.Event) -> None:
        self.url, self.name, self._stopping = url, name, stopping
        headers = {"Authorization": f"Token {token}"}
        # Plain HTTP on the loopback address; loading the certificate authorities would take a while.
        self._api = httpx.Client(base_url=url, headers=headers, timeout=60, verify=False)  # noqa: S501
        self._browser = httpx.Client(base_url=url, follow_redirects=False, timeout=60, verify=False)  # noqa: S501
        self._sign_in(password)

    def close(self) -> None:
        self._api.close()
        self._browser.close()

    def _sign_in(self, password: str) -> None:
        path = "/accounts/login/"
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self._browser.get(path).text)
        assert found is not None  # noqa: S101 - our own form
        form = {"login": self.name, "password": password, "csrfmiddlewaretoken": found[1]}
        self._browser.post(path, data=form, headers={"Referer": self.url})
        if "sessionid" not in self._browser.cookies:
            raise RuntimeError("the corpus's contestant could not sign in")

    def hand_in(self, upload: Upload, slug: str) -> Fetched:
        """Send a file. Raises uploading.GeneratorFailed and httpx.TransportError."""
        headers, body = uploading.form(upload)
        return _fetched(
            self._api.post(f"/api/v1/contests/{slug}/submissions/", content=body, headers=headers)
        )

    def submission(self, identifier: str) -> dict[str, Any]:
        answer = self._api.get(f"/api/v1/submissions/{identifier}/")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def wait(self, identifier: str, within_s: float) -> dict[str, Any]:
        """The submission when it is over, or as it stands after `within_s`. Raises Stopped."""
        deadline = time.monotonic() + within_s
        while True:
            found = self.submission(identifier)
            if found["status"] in TERMINAL or time.monotonic() > deadline:
                return found
            if self._stopping.wait(LOOK_EVERY_S):
                raise Stopped

    def log(self, identifier: str) -> str:
        """The log as the API tells it."""
        text, after = [], 0
        for _ in range(LOG_CALLS):
            answer = self._api.get(f"/api/v1/submissions/{identifier}/log/", params={"after": after}).json()
            text.append(answer["text"])
            if answer["complete"] or answer["end"] == after:
                break
            after = answer["end"]
        return "".join(text)

    def live_address(self, identifier: str) -> str:
        """Where the submission's own page listens."""
        page = self._browser.get(f"/submissions/{identifier}/").text
        found = _TOKEN.search(page)
        return f"/live/{found[1]}?token={unescape(found[2])}" if found else ""

    def crawl(self, identifier: str, slug: str, other: str) -> Iterator[Fetched]:
        """Everything that can be fetched about this submission, where it is listed, and another's submission."""
        for one in (identifier, other):
            for path in _OF_A_SUBMISSION:
                yield self._of_api(f"submissions/{one}/{path}")
        yield Fetched("log text", 200, httpx.Headers(), self.log(identifier).encode())
        for run in self.submission(identifier)["runs"]:
            for file in run["files"]:
                yield self._of_api(f"submissions/{identifier}/files/{file['name']}")
        for path in ("submissions/", "me/usage/", f"contests/{slug}/leaderboard/"):
            yield self._of_api(path)
        starts = [f"/submissions/{identifier}/", f"/submissions/{identifier}/log/"]
        starts += [f"/contests/{slug}/leaderboard/", f"/submissions/{other}/", f"/submissions/{other}/log/"]
        yield from self._by_links(starts, (f"/submissions/{identifier}/",))

    def crawl_contest(self, slug: str) -> Iterator[Fetched]:
        """Everything that can be fetched about a contest, and what its contestants must not get."""
        for path in _OF_A_CONTEST:
            yield self._of_api(f"contests/{slug}/{path}")
        for name in ("train.csv", "test.csv", "sample_submission.csv", "solution.csv"):
            yield self._of_api(f"contests/{slug}/data/{name}")
        for number in range(1, MOST_TASKS):
            yield self._of_api(f"contests/{slug}/tasks/{number}/solution")
            yield self._of_api(f"contests/{slug}/tasks/{number}/files/test.csv")
        yield self._of_api("me/")
        yield from self._by_links([f"/contests/{slug}/"], (f"/contests/{slug}/",))

    def _of_api(self, path: str) -> Fetched:
        return _fetched(self._api.get(f"/api/v1/{path}"))

    def _by_links(self, starts: list[str], within: tuple[str, ...]) -> Iterator[Fetched]:
        """Pages, and whatever they point to that is about the submission or its contest."""
        seen, waiting = set(starts), list(starts)
        for address in waiting:
            fetched = _fetched(self._browser.get(address))
            yield fetched
            for link in links(fetched, self.url):
                if link not in seen and link.startswith(within) and len(waiting) < MOST_PAGES:
                    seen.add(link)
                    waiting.append(link)


def links(fetched: Fetched, url: str) -> Iterator[str]:
    """Addresses on this site that an HTML page names."""
    if "text/html" not in fetched.headers.get("content-type", ""):
        return
    for found in _ADDRESS.findall(fetched.body.decode(errors="replace")):
        target = urlsplit(urldefrag(urljoin(f"{url}{fetched.address}", unescape(found))).url)
        if f"{target.scheme}://{target.netloc}" == url and "cancel" not in PurePosixPath(target.path).parts:
            yield target.path + (f"?{target.query}" if target.query else "")


def _fetched(answer: httpx.Response) -> Fetched:
    target = answer.request.url.raw_path.decode("ascii", "replace")
    return Fetched(target, answer.status_code, answer.headers, answer.content)


def refusal_code(fetched: Fetched) -> str:
    """The word for programs in a refusal."""
    try:
        return str(json.loads(fetched.body).get("code", ""))
    except (ValueError, AttributeError):
        return ""


def _unpacked(body: bytes) -> bytes:
    """What lies in a zip, of bounded size: deflate hides every token."""
    if not body.startswith(b"PK"):
        return b""
    found, left = [], MOST_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for member in archive.infolist():
                with archive.open(member) as file:
                    content = file.read(left)
                left -= len(content)
                found += [member.filename.encode(errors="replace"), content]
                if left <= 0:
                    break
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError):
        return b"".join(found)  # the contestant's own, broken on purpose
    return b"\n".join(found)
