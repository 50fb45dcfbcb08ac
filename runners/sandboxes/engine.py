"""A small client of the Docker Engine API over its unix socket: what a sandbox needs and no more.

Theory of operation. One connection for each call: nothing is shared between threads, and nothing waits behind
a long one. Two calls keep theirs: `attach`, whose connection turns into the container's byte streams, and
`wait`, whose answer arrives when the container has ended; both hand out a socket that a selector can watch,
and an end of it without an answer means that the daemon is gone. Every failure is an EngineError in words
that an operator can act on. There is no call that fetches an image: a run never pulls.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import urllib.parse
from collections.abc import Iterable
from typing import Any

from runners.sandboxes.plan import SandboxError

_TIMEOUT_S = 60.0  # a daemon on a busy disk takes its time to create a container
_NOT_FOUND, _CONFLICT, _SWITCHING = 404, 409, 101
_OK = range(200, 300)


class EngineError(SandboxError):
    """The daemon is away or refused; `status` is its answer's, 0 when there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Engine:
    """The daemon at `host`, "unix:///path"."""

    def __init__(self, host: str) -> None:
        """Raises EngineError for a host that is no unix socket."""
        if not host.startswith("unix:///"):
            raise EngineError(
                f"the Docker host must be unix:///path, not {host!r}: a run's files are given by bind mounts"
            )
        self.host = host
        self._path = host.removeprefix("unix://")

    def info(self) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", "/info")
        return found

    def local_image(self, reference: str) -> dict[str, Any]:
        """What is known of an image that is here. Raises EngineError when it is not: a run never fetches one."""
        try:
            found: dict[str, Any] = self._call(
                "GET", f"/images/{urllib.parse.quote(reference, safe='/:@')}/json"
            )
        except EngineError as error:
            if error.status == _NOT_FOUND:
                raise EngineError(
                    f"the image {reference} is not on this host and a run never pulls: "
                    "`manage.py build_environments --sandbox docker` builds an environment's, "
                    "`docker pull NAME@sha256:…` brings an organiser's",
                    _NOT_FOUND,
                ) from error
            raise
        return found

    def create(self, name: str, configuration: dict[str, Any]) -> str:
        """Make a container; its id."""
        query = urllib.parse.urlencode({"name": name})
        found: str = self._call("POST", f"/containers/create?{query}", configuration)["Id"]
        return found

    def start(self, container: str) -> None:
        self._call("POST", f"/containers/{container}/start")

    def inspect(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", f"/containers/{container}/json")
        return found

    def remove(self, container: str) -> bool:
        """Kill and remove with its anonymous volumes; whether it is gone, which may take a moment more."""
        try:
            self._call("DELETE", f"/containers/{container}?force=1&v=1")
        except EngineError as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise
            return error.status == _NOT_FOUND
        return True

    def labelled(self, label: str) -> list[str]:
        """Names of all containers, running or not, that carry `label`, "name" or "name=value"."""
        query = urllib.parse.urlencode({"all": "1", "filters": json.dumps({"label": [label]})})
        return [item["Names"][0].lstrip("/") for item in self._call("GET", f"/containers/json?{query}")]

    def kills(self, container: str, since: float, until: float) -> list[str]:
        """Signals that somebody sent it by the API; `docker stop` and a daemon that shuts down are some."""
        filters = json.dumps({"container": [container], "event": ["kill"]})
        query = urllib.parse.urlencode({"since": f"{since:.9f}", "until": f"{until:.9f}", "filters": filters})
        lines = self._text("GET", f"/events?{query}").splitlines()
        return [json.loads(line)["Actor"]["Attributes"].get("signal", "") for line in lines if line]

    def attach(self, container: str) -> socket.socket:
        """The container's stdin (what is sent) and stdout and stderr (what arrives, in frames)."""
        connection = self._send(
            "POST",
            f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1",
            headers={"Connection": "Upgrade", "Upgrade": "tcp"},
        )
        stream = socket.socket(fileno=os.dup(connection.sock.fileno()))  # outlives the answer's end
        try:
            answer = self._answer(connection)
            if answer.status not in (_SWITCHING, http.HTTPStatus.OK):
                raise _refused(answer)
        except EngineError:
            stream.close()
            raise
        finally:
            connection.close()
        stream.settimeout(None)
        return stream

    def wait(self, container: str) -> Waiting:
        """Begin to wait for the next end of a container that is not running yet."""
        connection = self._send("POST", f"/containers/{container}/wait?condition=next-exit", timeout_s=None)
        answer = self._answer(connection)  # its head comes at once: the daemon waits from now on
        if answer.status != http.HTTPStatus.OK:
            raise _refused(answer)
        return Waiting(self, connection, answer)

    def _call(self, method: str, path: str, body: object = None, *, harmless: Iterable[int] = ()) -> Any:
        text = self._text(method, path, body, harmless=harmless)
        return json.loads(text) if text else None

    def _text(self, method: str, path: str, body: object = None, *, harmless: Iterable[int] = ()) -> str:
        connection = self._send(method, path, body)
        try:
            answer = self._answer(connection)
            if answer.status in harmless:
                return ""
            if answer.status not in _OK:
                raise _refused(answer)
            return answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise self.away(error) from error
        finally:
            connection.close()

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        timeout_s: float | None = _TIMEOUT_S,
    ) -> _Connection:
        connection = _Connection(self._path, timeout_s)
        content = None if body is None else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, content, kind | (headers or {}))
        except OSError as error:
            connection.close()
            raise self.away(error) from error
        return connection

    def _answer(self, connection: _Connection) -> http.client.HTTPResponse:
        try:
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise self.away(error) from error

    def away(self, error: Exception) -> EngineError:
        """What to tell when the daemon does not answer."""
        if isinstance(error, PermissionError):
            return EngineError(
                f"no permission for the Docker daemon at {self.host}: the agent must run as root on its host"
            )
        return EngineError(
            f"the Docker daemon at {self.host} does not answer ({type(error).__name__}: {error}): "
            "start it, or name its socket in PODIUM_DOCKER_HOST"
        )


class Waiting:
    """A wait call under way. `fileno()` is readable when it was answered, or when the daemon is gone."""

    def __init__(self, engine: Engine, connection: _Connection, answer: http.client.HTTPResponse) -> None:
        self._engine, self._connection, self._answer = engine, connection, answer

    def fileno(self) -> int:
        return self._answer.fileno()

    def exit_code(self, within_s: float) -> int:
        """The container's exit code, 128 + n after signal n. Raises EngineError when none arrives."""
        try:
            self._connection.sock.settimeout(within_s)
            found: int = json.loads(self._answer.read())["StatusCode"]
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            raise self._engine.away(error) from error
        return found

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


class _Connection(http.client.HTTPConnection):
    sock: socket.socket

    def __init__(self, path: str, timeout_s: float | None) -> None:
        super().__init__("docker")
        self._path = path
        self._timeout_s = timeout_s

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(self._path)
        self.sock.settimeout(self._timeout_s)


def _refused(answer: http.client.HTTPResponse) -> EngineError:
    text = answer.read().decode("utf-8", "replace")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        text = json.loads(text)["message"]
    return EngineError(f"the Docker daemon refused: {text.strip()}", answer.status)
