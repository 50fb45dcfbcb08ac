"""A site behind a real reverse proxy that speaks TLS, with the very configurations that docs/proxies/ offers."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.stack import ROOT, Stack, eventually, free_port, running_stack

NAME = "podium.example.org"
PASSWORD = "a long walk home"
PREDICTIONS = b"id,target\n" + b"".join(b"%d,1\n" % row for row in range(16))
CONFIGURATIONS = ROOT / "docs" / "proxies"

pytestmark = [pytest.mark.sandbox, pytest.mark.once, pytest.mark.timeout(300)]

ARGV = {
    "nginx": ["nginx", "-c", "{folder}/main.conf", "-p", "{folder}"],
    "caddy": ["caddy", "run", "--config", "{folder}/Caddyfile", "--adapter", "caddyfile"],
}
MAIN = """
daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    {site}
}}
"""


class Proxied:
    """A stack and the proxy in front of it, as one site under https://podium.example.org:PORT."""

    def __init__(self, stack: Stack, port: int, plain_port: int, certificate: Path) -> None:
        self.stack, self.port, self.plain_port = stack, port, plain_port
        self.origin = f"https://{NAME}:{port}"
        self.trust = ssl.create_default_context(cafile=str(certificate))

    def browser(self) -> httpx.Client:
        """A client that finds the site by its name, which no name server here knows."""
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": f"{NAME}:{self.port}", "Origin": self.origin, "Referer": f"{self.origin}/"},
            verify=self.trust,
            timeout=20,
        )

    def call(self, browser: httpx.Client, method: str, path: str, **options: object) -> httpx.Response:
        return browser.request(method, path, extensions={"sni_hostname": NAME}, **options)  # type: ignore[arg-type]


def certificate(folder: Path) -> Path:
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(folder / "privkey.pem")]
    command = ["openssl", "req", "-x509", *key, "-out", str(folder / "fullchain.pem"), "-days", "2", *subject]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "fullchain.pem"


def configure(kind: str, folder: Path, *, site_port: int, port: int, plain_port: int) -> None:
    """The documented configuration, with this test's ports and certificate in place of the documented ones."""
    if kind == "nginx":
        text = (CONFIGURATIONS / "nginx.conf").read_text()
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        text = text.replace("listen 80", f"listen 127.0.0.1:{plain_port}")
        text = text.replace("/etc/ssl/podium", str(folder)).replace(
            "127.0.0.1:8000", f"127.0.0.1:{site_port}"
        )
        (folder / "main.conf").write_text(MAIN.format(folder=folder, site=text))
        return
    text = (CONFIGURATIONS / "Caddyfile").read_text()
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{site_port}")
    text = re.sub(
        rf"^{NAME} {{",
        f"https://{NAME}:{port} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem",
        text,
        flags=re.MULTILINE,
    )
    options = f"{{\n\tadmin off\n\thttp_port {plain_port}\n\thttps_port {port}\n\tstorage file_system {folder}\n}}\n"
    (folder / "Caddyfile").write_text(options + text)


@pytest.fixture(scope="module")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxied")


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def site(services: None, stack_folder: Path, port: int) -> Iterator[Stack]:
    address = {"PODIUM_SITE": f"https://{NAME}:{port}", "PODIUM_PLAIN_HTTP": "0"}
    with running_stack(stack_folder, **address) as started:
        started.query(
            f"from accounts.models import User\nUser.objects.create_user('mallory', password='{PASSWORD}')"
        )
        yield started


@pytest.fixture(params=sorted(ARGV))
def proxied(request: pytest.FixtureRequest, site: Stack, port: int, tmp_path: Path) -> Iterator[Proxied]:
    kind = request.param
    if shutil.which(kind) is None:
        pytest.skip(f"{kind} is not installed")
    plain_port = free_port()
    trusted = certificate(tmp_path)
    configure(kind, tmp_path, site_port=site.port, port=port, plain_port=plain_port)
    argv = [word.format(folder=tmp_path) for word in ARGV[kind]]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            eventually(lambda: listens(port), what=f"{kind} listens: {(tmp_path / 'log').read_text()}")
            yield Proxied(site, port, plain_port, trusted)
        finally:
            process.terminate()
            try:
                process.wait(15)  # it ends when its requests have: none is held for somebody who has gone
            finally:
                process.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def signed_in(proxied: Proxied, browser: httpx.Client) -> None:
    form = proxied.call(browser, "GET", "/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    assert token is not None, form.text
    fields = {"login": "mallory", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    answer = proxied.call(browser, "POST", "/accounts/login/", data=fields)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    cookies = answer.headers.get_list("set-cookie")
    assert cookies
    assert all("Secure" in cookie for cookie in cookies)


def test_one_logs_in_hands_in_and_watches_the_board_move(proxied: Proxied) -> None:
    with proxied.browser() as browser, proxied.browser() as spectator:
        signed_in(proxied, browser)
        board = proxied.call(spectator, "GET", "/contests/tiny/leaderboard/")
        assert "max-age=31536000" in board.headers["Strict-Transport-Security"]
        topic = re.search(r'data-topic="([^"]+)"', board.text)
        assert topic is not None
        stream = spectator.stream("GET", f"/live/{topic[1]}", extensions={"sni_hostname": NAME})
        with stream as live:
            assert live.status_code == 200
            lines = live.iter_lines()
            assert next(lines).startswith("retry:")  # at once: nothing waits in a buffer
            token = browser.cookies["csrftoken"]
            answer = proxied.call(
                browser,
                "POST",
                "/api/v1/contests/tiny/submissions/",
                files={"file": ("predictions.csv", PREDICTIONS)},
                headers={"X-CSRFToken": token},
            )
            assert answer.status_code == 201, answer.text
            began = time.monotonic()
            assert next(line for line in lines if line.startswith("id: "))  # the board has moved
            assert time.monotonic() - began < 30


def test_a_large_file_gets_the_sites_own_answer(proxied: Proxied) -> None:
    """Left alone, nginx would stop at 1 MB, in a page of its own."""
    with proxied.browser() as browser:
        signed_in(proxied, browser)
        answer = proxied.call(
            browser,
            "POST",
            "/api/v1/contests/tiny/submissions/",
            files={"file": ("big.py", b"#" * (3 << 20))},
            headers={"X-CSRFToken": browser.cookies["csrftoken"]},
        )
    assert answer.status_code in {400, 413}
    assert "MB" in answer.json()["detail"]


def test_a_client_cannot_claim_another_protocol_or_address(proxied: Proxied) -> None:
    with proxied.browser() as browser:
        forged = {"X-Forwarded-For": "not an address", "X-Forwarded-Proto": "http"}
        answer = proxied.call(browser, "GET", "/accounts/login/", headers=forged)
        assert (
            answer.status_code == 200
        )  # http would be sent to https, and what is no address would be refused


def test_whoever_comes_without_tls_is_sent_to_it(proxied: Proxied) -> None:
    answer = httpx.get(f"http://127.0.0.1:{proxied.plain_port}/", headers={"Host": NAME}, timeout=10)
    assert answer.status_code in {301, 308}
    assert answer.headers["Location"].startswith(f"https://{NAME}")
