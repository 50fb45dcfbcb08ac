"""Runner hosts on networks of their own: a namespace each, joined to ours by a cable that can be pulled.

Nothing is routed: all that such a host reaches is the site, by a door on our end of its cable.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator

from tests.faults.chaos.own import command_of
from tests.stack import ROOT, Stack


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class _Door(socketserver.BaseRequestHandler):
    """Hands everything on to the site, which listens on the loopback address."""

    server: _Doors

    def handle(self) -> None:
        try:
            inside = socket.create_connection(("127.0.0.1", self.server.site))
        except OSError:
            return
        with inside:
            back = threading.Thread(target=_copy, args=(inside, self.request), daemon=True)
            back.start()
            _copy(self.request, inside)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class _Doors(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: str, site: int) -> None:
        self.site = site
        super().__init__((address, 0), _Door)


class Host:
    """An agent with its own name, directory and network, and the slots of the site's own agent."""

    def __init__(self, stack: Stack, name: str, number: int) -> None:
        self.name, self._stack = name, stack
        self._space, self._cable = f"podium-{name}", f"podium-{name}-o"
        self._ours, self._theirs = f"10.213.{80 + number}.1", f"10.213.{80 + number}.2"
        self.folder = stack.var / f"agent-{name}"
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        self._clear()
        _ip("netns", "add", self._space)
        _ip("-n", self._space, "link", "set", "lo", "up")
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "site", "netns", self._space)
        _ip("addr", "add", f"{self._ours}/30", "dev", self._cable)
        _ip("link", "set", self._cable, "up")
        _ip("-n", self._space, "addr", "add", f"{self._theirs}/30", "dev", "site")
        _ip("-n", self._space, "link", "set", "site", "up")
        self._doors = _Doors(self._ours, self._stack.port)
        threading.Thread(target=self._doors.serve_forever, daemon=True).start()

    def start(self) -> None:
        words, told = command_of(self._stack.pid("agent"))
        told.pop("PODIUM_BROKER_URL", None)  # the bell comes by the site's own stream
        told |= {
            "PODIUM_AGENT_DIR": str(self.folder),
            "PODIUM_AGENT_HOST": self.name,
            "PODIUM_SITE_URL": f"http://{self._ours}:{self._doors.server_address[1]}",
            "PODIUM_WARM": "0",
        }
        # Not `ip netns exec`: it gives its program a /sys without control groups.
        within = ["nsenter", f"--net=/run/netns/{self._space}", *words]
        with (self._stack.var / "logs" / f"agent-{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                within, cwd=ROOT, env=told, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def heard(self) -> bool:
        """Whether the site knows that it is there, with an environment to run programs in."""
        with self._stack.database() as ask:
            rows = ask("SELECT environments FROM compute_runnerhost WHERE name = ?", self.name)
        return any("python@" in str(environments) for (environments,) in rows)

    @contextlib.contextmanager
    def asleep(self) -> Iterator[None]:
        """Its agent is stopped: whatever happens meanwhile it finds when it wakes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def pull_cable(self) -> None:
        _ip("link", "set", self._cable, "down")

    def plug_in(self) -> None:
        _ip("link", "set", self._cable, "up")

    def lose(self) -> None:
        """The machine is gone: its agent and whatever ran there."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        for shim in self.shims():
            with contextlib.suppress(ProcessLookupError):
                os.kill(shim, signal.SIGKILL)

    def shims(self) -> list[int]:
        """Its sandboxes' supervisors."""
        found = []
        for path in (self.folder / "runs").glob("*/sandbox/shim.json"):
            with contextlib.suppress(OSError, ValueError):
                found.append(int(json.loads(path.read_text())["pid"]))
        return found

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._doors.shutdown()
        self._doors.server_close()
        self._clear()

    def _clear(self) -> None:
        for words in (("link", "del", self._cable), ("netns", "del", self._space)):
            with contextlib.suppress(subprocess.CalledProcessError):  # it is not there
                _ip(*words)


@contextlib.contextmanager
def connected(stack: Stack, name: str, number: int) -> Iterator[Host]:
    host = Host(stack, name, number)
    host.connect()
    try:
        yield host
    finally:
        host.close()
        shutil.rmtree(host.folder, ignore_errors=True)
