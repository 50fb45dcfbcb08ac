"""`podium-runner`: attach this machine to a Podium site with a pool token and nothing else.

Theory of operation. In this order, so that whatever can be said is said before anything takes time: arguments, token
file, what the sandbox enforces (and an end, if that does not do), the lock of the directory, the site (which pool the
token is of, and whether this is the site's version; waited for when it is away), then the agent itself, with
the environments being built beside it. `python -m runners.agent` is the same agent for hosts whose settings somebody
else made: a site's own supervisor, or a test.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from argparse import Namespace
from pathlib import Path
from types import FrameType
from typing import NoReturn

import structlog

from runners.agent import examined, options, settings
from runners.agent.__main__ import DOES_NOT_HOLD, Agent, hold_alone, occupied, start_log, work
from runners.agent.building import Builder
from runners.agent.examined import Found
from runners.agent.settings import PoolSlots, Settings, SettingsError
from runners.agent.site import (
    Backoff,
    NotPodium,
    PoolAnswer,
    Refused,
    Rejected,
    Site,
    Unreachable,
    WrongProtocol,
)
from runners.agent.unit import unit
from runners.environments.image_building import DEFAULT_BASE, Wishes
from runners.sandboxes import choice, table

log = structlog.get_logger()

KEPT_TOKEN = "token"  # noqa: S105 - the name of a file
ASKED_LATER = "unknown"


class CannotStart(Exception):
    """One line for the operator that says what to do."""


def main() -> NoReturn:
    """The console script."""
    status = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that still wait for the site hold nothing that is not on disk: no goodbyes.
    os._exit(status)


def run(arguments: list[str]) -> int:
    """Do what the arguments say; the exit status."""
    given = options.parser().parse_args(arguments)
    start_log()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if given.print_unit:
            return _print_unit(given, arguments)
        env = options.environment(given, os.environ)  # noqa: TID251 - arguments stand before settings
        if given.token:
            _start_again_without(given.token, Path(env["PODIUM_AGENT_DIR"]), arguments)
        asked = env | {"PODIUM_POOLS": f"{given.pool or ASKED_LATER}:{given.slots}"}
        if given.preflight:
            return _examine(settings.from_environment(asked | {"PODIUM_SITE_URL": "http://localhost"}))[0]
        wishes = Wishes(
            host=choice.docker_host(env),
            base=env.get("PODIUM_BASE_IMAGE") or DEFAULT_BASE,
            torch_index=env.get("PODIUM_TORCH_INDEX", ""),
        )
        return _attach(given, settings.from_environment(asked), _token_file(env), wishes)
    except (SettingsError, choice.WrongChoice, CannotStart) as error:
        log.critical("runner not started", reason=str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _attach(given: Namespace, chosen: Settings, token_file: Path, wishes: Wishes) -> int:
    token = settings.read_token(token_file, "the pool")
    lock = hold_alone(chosen.agent_dir)
    if lock is None:
        raise CannotStart(occupied(chosen.agent_dir))
    status, found = _examine(chosen)
    if status:
        return status
    answer = _ask(chosen.site_url, token, given.pool)
    _keep(chosen.tokens_dir / answer.slug, token_file)
    sandbox = chosen.pools[0].sandbox
    chosen = dataclasses.replace(chosen, pools=(PoolSlots(answer.slug, given.slots, sandbox),))
    agent = Agent(chosen, found)
    usual = ["scoring"] if answer.trusted else ["python"]
    names = usual if given.environments is None else given.environments
    Builder(names, chosen, wishes, agent.fail).start()
    return work(agent)


def _examine(chosen: Settings) -> tuple[int, Found]:
    """Try what the sandbox enforces and print it; the exit status to end with, if it does not do."""
    found = examined.examine(chosen.agent_dir, {pool.sandbox for pool in chosen.pools})
    for sandbox, rows in found.items():
        sys.stdout.write(f"What {sandbox} enforces here:\n")
        sys.stdout.writelines(f"  {line}\n" for line in table.lines(rows))
    sys.stdout.flush()
    if why := examined.refusal(found, allow_soft=chosen.allow_soft_limits):
        log.critical("runner not started", reason=why)
        return DOES_NOT_HOLD, found
    return 0, found


def _ask(site_url: str, token: str, wanted: str | None) -> PoolAnswer:
    """Which pool the token is of. Waits for a site that is away. Raises CannotStart."""
    site, backoff = Site(site_url), Backoff(first=0.5, most=30.0)
    while True:
        try:
            answer = site.pool(token)
            break
        except Unreachable as error:
            pause = backoff.next()
            log.warning("site unreachable, waiting", site=site_url, error=str(error), retry_s=round(pause, 1))
            time.sleep(pause)
        except Refused:
            raise CannotStart(f"{site_url} does not know this pool token; ask its operator for one") from None
        except WrongProtocol as error:
            raise CannotStart(str(error)) from None
        except (NotPodium, Rejected) as error:
            raise CannotStart(f"{site_url} is not the address of a Podium site: {error}") from None
    site.close()
    if wanted is not None and wanted != answer.slug:
        raise CannotStart(f"the token is one of pool {answer.slug}, not of pool {wanted}")
    return answer


def _token_file(env: dict[str, str]) -> Path:
    """Where the token is: the file that was named, or the kept one. PODIUM_TOKEN is kept, and seen by no child."""
    kept = Path(env["PODIUM_AGENT_DIR"]).absolute() / KEPT_TOKEN
    token = os.environ.pop("PODIUM_TOKEN", "").strip()  # noqa: TID251 - so that builders do not inherit it
    if named := env.get("PODIUM_TOKEN_FILE", "").strip():
        return Path(named).absolute()
    if token:
        _write_secret(kept, token)
    elif not kept.exists():
        raise SettingsError("no pool token; give it with --token-file FILE, or in PODIUM_TOKEN")
    return kept


def _start_again_without(token: str, directory: Path, arguments: list[str]) -> NoReturn:
    """Move the token from the arguments, which everybody on this host can read, to a file."""
    kept = directory.absolute() / KEPT_TOKEN
    _write_secret(kept, token)
    log.warning("token moved to a file: others could read it in the list of processes", file=str(kept))
    os.execv(  # noqa: S606 - this very program
        sys.executable,
        [
            sys.executable,
            "-m",
            "runners.agent.command",
            *options.with_file_for_token(arguments, kept),
        ],
    )


def _write_secret(path: Path, secret: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(f"{secret}\n")
    draft.replace(path)


def _keep(link: Path, token_file: Path) -> None:
    """Have the agent read this very file at each claim: a mended one works at once."""
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if link.exists() and link.samefile(token_file):
        return
    link.unlink(missing_ok=True)
    link.symlink_to(token_file)


def _print_unit(given: Namespace, arguments: list[str]) -> int:
    if given.token:
        raise CannotStart("a unit can be read by everybody on this host: give the token in a --token-file")
    sys.stdout.write(unit(options.as_service(arguments)))
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
