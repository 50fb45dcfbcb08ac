"""The Docker Engine API as the builder of images needs it; a run never sees any of this."""

from __future__ import annotations

import dataclasses
import http.client
import json
import socket
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runners.sandboxes.engine import Engine, EngineError

_NOT_FOUND = 404
_SILENCE_S = 900.0  # a daemon that writes gigabytes of layers says nothing meanwhile


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """How a program ended in a container, and what it printed."""

    code: int
    output: str


class ImageEngine(Engine):
    """Raises EngineError, in words for the operator, as its base class does."""

    def image(self, reference: str) -> dict[str, Any] | None:
        """What the daemon knows of an image, or None when it does not have it."""
        try:
            found: dict[str, Any] = self._call("GET", f"/images/{_quoted(reference)}/json")
        except EngineError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return found

    def images(self, label: str) -> list[dict[str, Any]]:
        """All images that carry `label` (a name, or "name=value"), tagged or not."""
        query = urllib.parse.urlencode({"filters": json.dumps({"label": [label]})})
        found: list[dict[str, Any]] = self._call("GET", f"/images/json?{query}")
        return found

    def component(self, name: str) -> str:
        """The version of a part of the daemon, "runc" or "containerd"; empty when it does not say."""
        parts = (self._call("GET", "/version") or {}).get("Components") or ()
        return next((str(part.get("Version", "")) for part in parts if part.get("Name") == name), "")

    def tag(self, image: str, repository: str, tag: str) -> None:
        query = urllib.parse.urlencode({"repo": repository, "tag": tag})
        self._call("POST", f"/images/{_quoted(image)}/tag?{query}")

    def remove_image(self, reference: str) -> None:
        """Untag it, and delete what nothing else needs; harmless when it is gone."""
        self._call("DELETE", f"/images/{_quoted(reference)}?force=1", harmless=(_NOT_FOUND,))

    def drop_untagged(self, label: str) -> None:
        """Delete the images with `label` that have no name: what a build leaves beside its result."""
        filters = json.dumps({"dangling": ["true"], "label": [label]})
        self._call("POST", f"/images/prune?{urllib.parse.urlencode({'filters': filters})}")

    def pull(self, reference: str) -> Iterator[dict[str, Any]]:
        """Fetch an image, "name:tag" or "name@sha256:…", saying how far it is."""
        query = urllib.parse.urlencode({"fromImage": reference})
        yield from self._stream("POST", f"/images/create?{query}")

    def build(
        self,
        context: Iterable[bytes],
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        dockerfile: str,
    ) -> Iterator[dict[str, Any]]:
        """Build an image from a tar archive, saying what the daemon says; the last word is its id in "aux".

        The host's network, so that a package index on this machine is reached, and daemons without a bridge work.
        """
        query = {
            "dockerfile": dockerfile,
            "buildargs": json.dumps(dict(arguments)),
            "labels": json.dumps(dict(labels)),
            "networkmode": "host",
            "rm": "1",
            "forcerm": "1",
        }
        yield from self._stream("POST", f"/build?{urllib.parse.urlencode(query)}", context)

    def try_out(self, image: str, argv: list[str], name: str) -> Trial:
        """Run a program in a container as a sandbox would: no network, nothing writable, nobody's uid."""
        configuration = {
            "Image": image,
            "Entrypoint": argv[:1],
            "Cmd": argv[1:],
            "User": "65534:65534",
            "NetworkDisabled": True,
            "HostConfig": {
                "NetworkMode": "none",
                "ReadonlyRootfs": True,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "PidsLimit": 512,
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
                "Tmpfs": {"/tmp": "size=64m"},  # noqa: S108 - the container's
            },
        }
        container = self.create(name, configuration)
        try:
            waiting = self.wait(container)
            try:
                self.start(container)
                code = waiting.exit_code(within_s=300.0)
            finally:
                waiting.close()
            return Trial(code, self._logs(container))
        finally:
            self.remove(container)

    def _logs(self, container: str) -> str:
        connection = self._send("GET", f"/containers/{container}/logs?stdout=1&stderr=1&tail=200")
        try:
            framed = self._answer(connection).read()
        finally:
            connection.close()
        text = b""
        while framed:  # frames of 8 bytes of header, the last four of them the length
            length = int.from_bytes(framed[4:8], "big")
            text, framed = text + framed[8 : 8 + length], framed[8 + length :]
        return text.decode("utf-8", "replace")

    def _stream(
        self, method: str, path: str, body: Iterable[bytes] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The objects of a streamed answer, one by one. Raises EngineError when the daemon goes away under it."""
        connection = self._open(method, path, body)
        try:
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                message = json.loads(answer.read() or b"{}").get("message", answer.reason)
                raise EngineError(f"the Docker daemon refused: {message}", answer.status)
            for line in answer:
                if line.strip():
                    yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self.away(error) from error
        finally:
            connection.close()

    def _open(self, method: str, path: str, body: Iterable[bytes] | None) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("docker")
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(_SILENCE_S)
        try:
            connection.sock.connect(self.host.removeprefix("unix://"))
            headers = {"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}
            chunked = body is not None
            connection.request(method, path, body, headers if chunked else {}, encode_chunked=chunked)
        except BrokenPipeError:
            pass  # it has answered before it had read everything: the answer says why
        except OSError as error:
            connection.close()
            raise self.away(error) from error
        return connection


def _quoted(reference: str) -> str:
    return urllib.parse.quote(reference, safe="/:@")
