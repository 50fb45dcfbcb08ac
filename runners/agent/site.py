"""The site as the agent sees it: one method for each call of the runner protocol (docs/runner-protocol.md).

Theory of operation. Every failure falls into one of four kinds, because the agent does one of four things:

    Unreachable  no answer, or one that is not the site's own (a proxy's page, 5xx, 429): try again, for ever;
                 but Broken (5xx) can also be a site that fails at this very call: see attempt.py
    Stale        the site speaks: the attempt is no longer ours (409) or unknown (401, 403, 404): kill it
    Refused      401 or 403 on a pool call: the operator must mend a token
    Rejected     any other 4xx: asking again with the same words will not help

An outage must not kill a ten-hour run, so only an answer that is plainly the site's own (JSON with a
`detail`) can make an attempt stale. No token is ever put into a message of an exception.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from runners.agent.version import installed_version
from runners.spec import PROTOCOL_VERSION, JobSpec, OutputFile
from runners.usage import UsagePoint
from runners.verdict import RunFacts
from runners.wire import plain

LOG_CHUNK = 64 * 1024  # raw bytes of log in one heartbeat
PIECE = 256 * 1024
KEEP_S = 4.0  # an idle connection is dropped before uvicorn does it (5 s), perhaps under a call of ours
T = TypeVar("T")
STREAM_SILENCE_S = 40.0  # the site says something each 15 s
RETRY_LATER = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class SiteError(Exception):
    """Any way in which a call to the site did not succeed."""


class Unreachable(SiteError):
    """No answer of the site's own came; the same call may succeed later."""


class Broken(Unreachable):
    """5xx: the site, or a proxy before it, could not do it just now."""


class Stale(SiteError):
    """The site has given this attempt to someone else, finished it, or does not know it."""


class Refused(SiteError):
    """The pool token is not accepted."""


class Rejected(SiteError):
    """The site understood who asks and will not do it."""


class WrongProtocol(SiteError):
    """Site and agent are of different versions. A job that came with it is the lease's to bring back."""


class NotPodium(SiteError):
    """Something answers at this address, but not as a Podium site does."""


@dataclasses.dataclass(frozen=True, slots=True)
class PoolAnswer:
    """Which pool a token is of, and whether it is trusted with labels."""

    slug: str
    trusted: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What a heartbeat tells: log bytes from an offset on (at most LOG_CHUNK), use now, points of the curve."""

    log_offset: int
    log: bytes
    usage: dict[str, float]
    samples: list[UsagePoint]


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """What a finish tells: the facts, what was sent before, and the end of the curve."""

    facts: RunFacts
    files: tuple[OutputFile, ...]
    log_bytes: int
    stages: dict[str, int]
    samples: list[UsagePoint]


@dataclasses.dataclass(frozen=True, slots=True)
class Pulse:
    """A heartbeat's answer: end the run?, and how much the site has: bytes of the log, points of the curve."""

    cancel: bool
    log_offset: int
    samples: int


class Backoff:
    """Growing pauses in seconds, each between half and the whole of its step: hosts fall out of step."""

    def __init__(self, first: float = 0.5, most: float = 10.0) -> None:
        self._first, self._most = first, most
        self._step = first

    def next(self) -> float:
        pause = self._step * (0.5 + random.random() / 2)  # noqa: S311  spreads load, guards nothing
        self._step = min(self._step * 2, self._most)
        return pause

    def reset(self) -> None:
        self._step = self._first


def patiently(call: Callable[[], T], pause: Callable[[float], None]) -> T:
    """Repeat a call that is safe to repeat until the site answers; `pause` may raise to give up."""
    backoff = Backoff()
    while True:
        try:
            return call()
        except Unreachable:
            pause(backoff.next())


class Site:
    """Client of one site; safe to use from many threads."""

    def __init__(self, url: str, timeout_s: float = 30.0) -> None:
        # A proxy of the environment is for the world outside, never for a site on this very host.
        self._http = httpx.Client(
            base_url=f"{url}/runner/v1/",
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=KEEP_S),
            trust_env=urlsplit(url).hostname not in LOOPBACK,
            headers={"User-Agent": "podium-agent"},
        )

    def close(self) -> None:
        self._http.close()

    def pool(self, pool_token: str) -> PoolAnswer:
        """Which pool the token is of. Raises Refused, WrongProtocol, NotPodium, Unreachable."""
        response = self._send("POST", "pool", pool_token, json=_ours())
        _raise_pool_error(response)
        if response.is_redirect:
            raise NotPodium(
                f"it answered that it is at {response.headers.get('location', 'another address')}"
            )
        if response.status_code not in RETRY_LATER and not response.is_server_error:
            try:
                raw = response.json()
                return PoolAnswer(str(raw["pool"]), bool(raw["trusted"]))
            except (ValueError, KeyError, TypeError):
                raise NotPodium(f"it answered {response.status_code}, but not as Podium does") from None
        _raise_other(response)
        raise AssertionError

    def claim(self, pool_token: str, body: dict[str, Any], timeout_s: float | None = None) -> JobSpec | None:
        """Ask for one job. Raises Refused, Unreachable, Rejected, or WrongProtocol."""
        response = self._send("POST", "claim", pool_token, json=_ours() | body, timeout=timeout_s)
        _raise_pool_error(response)
        _raise_other(response)
        if response.status_code == httpx.codes.NO_CONTENT:
            return None
        raw = _json(response)
        try:
            return JobSpec.from_json(raw)
        except ValueError as error:
            raise WrongProtocol(str(error)) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise WrongProtocol(f"the site's job has a form unknown here: {error!r}") from error

    def listen(self, pool_token: str) -> Iterator[str]:
        """Names of the events on the pool's live stream, "" for a sign of life. Ends when the stream does.

        Raises Refused, Unreachable, Rejected. For hosts that are not on the site's broker.
        """
        answer = self._send("POST", "bell", pool_token)
        _raise_pool_error(answer)
        _raise_other(answer)
        address = urljoin(str(self._http.base_url), str(_json(answer)["address"]))
        try:
            with self._http.stream(
                "GET", address, timeout=httpx.Timeout(5.0, read=STREAM_SILENCE_S)
            ) as stream:
                stream.raise_for_status()
                for line in stream.iter_lines():
                    yield line.removeprefix("event: ") if line.startswith("event: ") else ""
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def heartbeat(self, spec: JobSpec, told: Told) -> Pulse:
        """Renew the lease and send what is new."""
        body = {
            "attempt": spec.attempt,
            "log_offset": told.log_offset,
            "log": base64.b64encode(told.log).decode("ascii"),
            "usage": told.usage,
            "samples": [point.as_json() for point in told.samples],
        }
        raw = _json(self._job_call("POST", spec, "heartbeat", json=body, timeout=10.0))
        try:
            return Pulse(bool(raw["cancel"]), int(raw["log_offset"]), int(raw["samples"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Unreachable(f"a heartbeat's answer is malformed: {error!r}") from error

    @contextmanager
    def blob(self, spec: JobSpec, sha256: str) -> Iterator[Iterator[bytes]]:
        """The bytes of one input, in pieces. Raises Unreachable also while the pieces are read."""
        headers = _bearer(spec.token)
        try:
            path = f"jobs/{spec.job_id}/blobs/{sha256}"
            with self._http.stream("GET", path, headers=headers) as response:
                if response.status_code != httpx.codes.OK:
                    response.read()
                    if response.status_code == httpx.codes.NOT_FOUND and (detail := _detail(response)):
                        raise Rejected(f"input {sha256}: {detail}")
                    _raise_job_error(response)
                    raise Unreachable(f"a blob was answered with {response.status_code}")
                yield response.iter_bytes(PIECE)
        except httpx.HTTPError as error:
            raise Unreachable(_words(error)) from error

    def put_file(self, spec: JobSpec, file: OutputFile, path: Path) -> None:
        """Stream one collected file; sending a known one again is harmless."""
        headers = {"Content-Length": str(file.size), "Content-Type": "application/octet-stream"}
        self._job_call("PUT", spec, f"files/{file.sha256}", content=_Pieces(path), headers=headers)

    def finish(self, spec: JobSpec, ended: Ended) -> None:
        """Hand over how it ended. A second call is answered with Stale and changes nothing."""
        body = {
            "attempt": spec.attempt,
            "facts": ended.facts.as_json(),
            "files": [dataclasses.asdict(file) for file in ended.files],
            "log_bytes": ended.log_bytes,
            "stages": ended.stages,
            "samples": [point.as_json() for point in ended.samples],
        }
        self._job_call("POST", spec, "finish", json=body)

    def give_back(
        self, spec: JobSpec, reason: str, *, stopped: bool = False, timeout_s: float | None = None
    ) -> None:
        """Let the job be queued again: our fault, or this agent was `stopped` on purpose."""
        body = {"attempt": spec.attempt, "reason": plain(reason)[:500], "stopped": stopped}
        self._job_call("POST", spec, "give-back", json=body, timeout=timeout_s)

    def _job_call(self, method: str, spec: JobSpec, what: str, **request: Any) -> httpx.Response:
        response = self._send(method, f"jobs/{spec.job_id}/{what}", spec.token, **request)
        _raise_job_error(response)
        return response

    def _send(self, method: str, path: str, token: str, **request: Any) -> httpx.Response:
        headers = _bearer(token) | request.pop("headers", {})
        if request.get("timeout") is None:
            request.pop("timeout", None)  # the client's own holds
        try:
            return self._http.request(method, path, headers=headers, **request)
        except httpx.HTTPError as error:
            raise Unreachable(_words(error)) from error


class _Pieces:
    """A file's bytes, opened when they are sent."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _words(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__}: {error}"


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        raw = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raw = None
    if not isinstance(raw, dict):
        raise Unreachable(f"answered {response.status_code} without JSON")
    return raw


def _detail(response: httpx.Response) -> str:
    """The site's own words about an error; empty when this is not the site's own answer."""
    try:
        raw = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return ""
    return str(raw.get("detail", "")) if isinstance(raw, dict) else ""


def _ours() -> dict[str, Any]:
    """What every call of a pool tells about this runner."""
    return {"protocol": PROTOCOL_VERSION, "version": installed_version()}


def _raise_pool_error(response: httpx.Response) -> None:
    if response.status_code == httpx.codes.UPGRADE_REQUIRED:
        raise WrongProtocol(_how_to_fit(response))
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise Refused(_detail(response) or f"answered {response.status_code}")


def _how_to_fit(response: httpx.Response) -> str:
    """The site's words about another version, with the command for this very installation where it is one."""
    detail = _detail(response) or "the site speaks another runner protocol"
    with suppress(ValueError, AttributeError):
        requirement = str(response.json().get("requirement", ""))
        if installed_version() and requirement.isprintable() and not set(requirement) & set('"$`\\'):
            return (
                f"this runner is {installed_version()}, the site's is another; run "
                f'{sys.executable} -m pip install --upgrade "{requirement}" and start it again'
            )
    return detail


def _raise_job_error(response: httpx.Response) -> None:
    unknown = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND, httpx.codes.GONE)
    if response.status_code == httpx.codes.CONFLICT or response.status_code in unknown:
        if detail := _detail(response):
            raise Stale(detail)
        raise Unreachable(f"answered {response.status_code}, but not in the site's own words")
    _raise_other(response)


def _raise_other(response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    if response.is_client_error and status not in RETRY_LATER and (detail := _detail(response)):
        raise Rejected(f"{status}: {detail}")
    if response.is_server_error:
        raise Broken(f"answered {status}")
    raise Unreachable(f"answered {status}")
