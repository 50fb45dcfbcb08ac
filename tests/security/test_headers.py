"""What every answer says to browsers and to caches on the way, whoever asks and whatever comes of it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http.response import HttpResponseBase
from django.test import Client
from pytest_django.fixtures import Settings

from config.security import PERMISSIONS, POLICY, STRICT
from tests.builders import PASSWORD, make_user
from tests.security.site_of_roles import Place, Site
from tests.security.test_access_matrix import ask, table

pytestmark = [pytest.mark.django_db, pytest.mark.once]
ROOT = Path(__file__).resolve().parents[2]
HOSTILE_NAMES = (
    "a\r\nSet-Cookie: x=1.py",
    'a"; filename="b.exe.py',
    "作业 1.py",
    "../../etc/passwd.py",
    "a\x00b.py",
    "\u202eyp.exe.py",
    "%0d%0aX: y.py",
    "<script>alert(1)</script>.py",
    "a" * 250 + ".py",
)


def everything(site: Site, name: str) -> list[tuple[str, HttpResponseBase]]:
    """All that this person gets by GET, with its address."""
    place: Place = site.shown
    addresses = [
        place.address(row.route) for row in table() if row.method == "GET" and "<sha256>" not in row.route
    ]
    return [(address, ask(site.clients[name], "GET", address)[0]) for address in addresses]


@pytest.mark.parametrize("name", ["anonymous", "contestant", "root"])
def test_every_answer_carries_the_headers(site: Site, name: str) -> None:
    for address, answer in everything(site, name):
        policy = answer["Content-Security-Policy"]
        assert "unsafe-inline" not in policy or "sandbox" in policy, address
        assert "unsafe-eval" not in policy, address
        if "sandbox" not in policy:
            assert policy == (POLICY if address.startswith(("/admin/", "/api/docs/")) else STRICT), address
        assert answer["Permissions-Policy"] == PERMISSIONS, address
        assert answer["X-Content-Type-Options"] == "nosniff", address
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin", address
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin", address
        assert answer["X-Frame-Options"] == ("SAMEORIGIN" if "sandbox allow-popups" in policy else "DENY"), (
            address
        )
        assert answer["Referrer-Policy"] in {"same-origin", "no-referrer"}, address


@pytest.mark.parametrize("name", ["anonymous", "contestant", "root"])
def test_no_shared_cache_keeps_what_one_person_was_given(site: Site, name: str) -> None:
    """But for the runner's wheel, which is everybody's, and the administration's words for scripts."""
    for address, answer in everything(site, name):
        said = answer["Cache-Control"]
        assert ("private" in said or "no-store" in said) or answer.status_code == 302, (address, said)
        assert "public" not in said, (address, said)
        if address.startswith("/api/"):
            assert {"authorization", "cookie"} <= {
                word.strip().lower() for word in answer["Vary"].split(",")
            }, address


@pytest.mark.parametrize("path", ["/", "/static/none.css", "/contests/none/", "/accounts/login/"])
def test_errors_and_redirects_carry_them_too(client: Client, settings: Settings, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    for answer in (client.get(path), client.get(path, headers={"host": "evil.example"})):
        assert answer.status_code in {301, 400}
        assert answer["Content-Security-Policy"] == STRICT
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_host_that_is_not_ours_is_refused(client: Client) -> None:
    """So that no link in a mail or an answer can lead there."""
    for host in ("evil.example", "testserver.evil.example", "testserver:80@evil.example"):
        assert client.get("/accounts/login/", headers={"host": host}).status_code == 400
    said = client.get("/accounts/login/", headers={"x-forwarded-host": "evil.example"})
    assert "evil.example" not in said.content.decode()


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_files_name_breaks_no_header(site: Site, name: str) -> None:
    if (
        connection.vendor == "postgresql"
    ):  # its texts hold no NUL; an upload's name never does (Django drops it)
        name = name.replace("\x00", "")
    site.shown.submission.filename = name[:255]
    site.shown.submission.save()
    for address in (
        f"/submissions/{site.shown.submission.pk}/source/",
        f"/api/v1/submissions/{site.shown.submission.pk}/source",
    ):
        answer, _written = ask(site.clients["contestant"], "GET", address)
        assert answer.status_code == 200
        disposition = answer["Content-Disposition"]
        assert disposition.startswith("attachment")
        assert not any(character in disposition for character in "\r\n\x00\u202e")
        assert disposition.isascii()
        assert not answer.has_header("Set-Cookie")
        quoted = disposition.replace('\\"', "")
        assert quoted.count('"') in {0, 2}


def test_every_file_is_a_file_to_save_and_inert(site: Site) -> None:
    files = [
        (address, answer)
        for address, answer in everything(site, "contestant")
        if answer.has_header("Content-Disposition")
    ]
    assert len(files) >= 10
    for address, answer in files:
        assert answer["Content-Disposition"].startswith("attachment"), address
        assert answer["Content-Type"] == "application/octet-stream", address
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox", address


def test_cookies_cannot_be_read_by_scripts_or_sent_from_elsewhere(client: Client, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    make_user("alice")
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    client.get("/accounts/login/")
    session: Any = client.cookies["sessionid"]
    assert (session["httponly"], session["samesite"], session["secure"]) == (True, "Lax", True)
    client.get("/")
    token: Any = client.cookies["csrftoken"]
    assert (token["samesite"], token["secure"]) == ("Lax", True)


def test_a_site_is_strict_unless_told_otherwise() -> None:
    """What an operator gets who sets nothing: read in a process of its own."""
    program = (
        "import json; from config import settings as s; print(json.dumps([s.DEBUG, s.SESSION_COOKIE_SECURE, "
        "s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS > 0, s.PODIUM_BEHIND_PROXY]))"
    )
    with tempfile.TemporaryDirectory() as var:
        environment = {"PODIUM_VAR": var, "PATH": "/usr/bin:/bin"}
        said = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env=environment,
        )
    assert json.loads(said.stdout) == [False, True, True, True, True, False]
