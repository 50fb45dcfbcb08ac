"""`python -m operations.healthy NAME`: whether a container of compose.yaml works, by what only its work brings about.

Small on purpose, for it runs every half minute beside each of them: no Django where none is needed.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis

from operations import secret_settings

SCHEDULE_WRITTEN_S = 400.0  # beat writes its schedule every three minutes
ANSWER_S = 5.0


def web() -> bool:
    return _status("127.0.0.1:8000", "/healthz", "127.0.0.1") < http.client.INTERNAL_SERVER_ERROR


def judge() -> bool:
    """The worker answers a question that came by the broker."""
    asked = ["celery", "-A", "config.celery", "inspect", "ping", "--timeout", "5"]
    asked += ["--destination", f"celery@{socket.gethostname()}"]
    return subprocess.run(asked, check=False, capture_output=True, timeout=30).returncode == 0


def beat() -> bool:
    folder = Path(os.environ["PODIUM_VAR"], "run")  # noqa: TID251 - runs without any settings module
    written = [path.stat().st_mtime for path in folder.glob("beat-schedule*")]
    return bool(written) and time.time() - max(written) < SCHEDULE_WRITTEN_S


def publisher() -> bool:
    """Some publisher holds the lease: this one, or another one that does its work."""
    address = secret_settings.given("PODIUM_REDIS_URL") or ""
    return bool(Redis.from_url(address, socket_timeout=ANSWER_S).exists("publisher:lease"))


def runner() -> bool:
    """What the agent needs: the site, and the daemon."""
    site = urlsplit(os.environ["PODIUM_SITE_URL"])  # noqa: TID251 - runs without any settings module
    daemon = socket.socket(socket.AF_UNIX)
    daemon.settimeout(ANSWER_S)
    daemon.connect(os.environ["PODIUM_DOCKER_HOST"].removeprefix("unix://"))  # noqa: TID251
    daemon.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
    pong = daemon.recv(64).split(b"\r\n")[0]
    return b" 200 " in pong and _status(site.netloc, "/healthz", site.hostname or "") == http.client.OK


def _status(netloc: str, path: str, host: str) -> int:
    connection = http.client.HTTPConnection(netloc, timeout=ANSWER_S)
    connection.request("GET", path, headers={"Host": host})
    return connection.getresponse().status


CHECKS = {check.__name__: check for check in (web, judge, beat, publisher, runner)}

if __name__ == "__main__":
    sys.exit(0 if CHECKS[sys.argv[1]]() else 1)
