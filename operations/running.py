"""The processes of one machine, from a free port to the last one gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

from operations import processes
from operations.commands import CommandFailed, run
from operations.instance import AlreadyRunning, Instance
from operations.layout import Layout, UnsafeFolder
from operations.processes import Machine
from operations.supervisor import StartFailed, Supervisor

Say = Callable[[str], None]

LAST_PORT = 65_535


class NotPossible(Exception):
    """Podium cannot run like this; one line that says what to do."""


def environments_folder(var: Path) -> Path:
    """Where built environments lie: the agent's setting, else below var/."""
    named = os.environ.get("PODIUM_ENVIRONMENTS_DIR", "")  # noqa: TID251 - the agent's setting
    return Path(named).absolute() if named else var / "environments"


def machine(
    *, port: int, var: Path, host: str = "127.0.0.1", plain_http: bool = False, behind_proxy: bool = False
) -> Machine:
    """What the operator asked for, by argument and by environment."""
    pools = os.environ.get("PODIUM_POOLS", "")  # noqa: TID251 - the agent's setting
    layout = Layout(var=var, environments=environments_folder(var))
    return Machine(
        layout=layout, port=port, host=host, plain_http=plain_http, behind_proxy=behind_proxy, pools=pools
    )


def check_port(chosen: Machine) -> None:
    """Raise NotPossible when it is no port, or somebody else listens there."""
    if not 1 <= chosen.port <= LAST_PORT:
        raise NotPossible(
            f"{chosen.port} is no port: choose one from 1 to {LAST_PORT}, for example PORT=8000."
        )
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((chosen.host, chosen.port))
        except OSError as error:
            raise NotPossible(
                f"port {chosen.port} cannot be used ({error.strerror}): choose another one, for example "
                f"PORT={chosen.port + 1}."
            ) from error


def port_number(text: str) -> int:
    """What --port says. Raises NotPossible for what is no number."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LAST_PORT))):
        raise NotPossible(f"{text!r} is no port: choose one from 1 to {LAST_PORT}, for example PORT=8000.")
    return int(text)


@contextlib.asynccontextmanager
async def supervised(chosen: Machine, say: Say) -> AsyncIterator[Supervisor]:
    """A supervisor that holds this var/ and has a broker; every process is gone when the block is left."""
    chosen.layout.make()
    instance = Instance(chosen.layout.run)
    instance.take()
    check_port(chosen)
    supervisor = Supervisor(chosen.layout, instance, chosen.address, say)
    try:
        if chosen.embeds_broker:
            await supervisor.start_and_wait(processes.broker(chosen))
        yield supervisor
    finally:
        await supervisor.stop()


async def prepare(chosen: Machine, *arguments: str, on_line: Say = lambda _line: None) -> None:
    """Bring database, static files, secrets and pools up to date, in a process of its own."""
    command = (sys.executable, "manage.py", "prepare_site", *arguments)
    await run(command, chosen.environment(), log=chosen.layout.logs / "prepare.log", on_line=on_line)


async def start_site(supervisor: Supervisor, chosen: Machine) -> None:
    """Start all but the agent; returns when the web process answers. It starts alone, so that it answers soon."""
    await supervisor.start_and_wait(processes.web(chosen))
    await supervisor.start_and_wait(
        processes.publisher(chosen), processes.judge(chosen), processes.beat(chosen)
    )


def until_told_to_stop(story: Coroutine[None, None, None]) -> int:
    """Run a coroutine until it ends or SIGINT, SIGTERM or SIGHUP cancels it; the exit status.

    Whatever an operator can mend is printed as one line.
    """

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: we are in one
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, _once(task.cancel))
        with contextlib.suppress(asyncio.CancelledError):
            await story

    try:
        asyncio.run(main())
    except (NotPossible, AlreadyRunning, StartFailed, CommandFailed, UnsafeFolder) as error:
        sys.stderr.write(f"Podium: {error}\n")
        return 1
    return 0


def _once(action: Callable[[], object]) -> Callable[[], None]:
    """A second Ctrl-C must not interrupt the ending, which is bounded anyway."""
    done = False

    def act() -> None:
        nonlocal done
        if not done:
            done = True
            action()

    return act
