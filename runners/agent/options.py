"""The arguments of `podium-runner`: they stand before the settings of the environment (settings.py)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from runners import environments
from runners.agent.settings import StopMode
from runners.agent.version import installed_version
from runners.sandboxes.choice import Sandbox

EPILOG = """The token: --token-file FILE (mode 0600), or PODIUM_TOKEN in the environment, or --token, which is moved to
a file at once. It is kept in the directory, so a later start needs none. Exit status: 0 stopped, 1 it cannot work
(the last line says why), 2 wrong arguments, 3 the sandbox does not hold here."""
# Arguments that are settings by another name.
SETTINGS = {
    "site": "PODIUM_SITE_URL",
    "dir": "PODIUM_AGENT_DIR",
    "environments_dir": "PODIUM_ENVIRONMENTS_DIR",
    "sandbox": "PODIUM_SANDBOX",
    "name": "PODIUM_AGENT_HOST",
    "stop": "PODIUM_AGENT_STOP",
    "gpus": "PODIUM_GPUS",
    "token_file": "PODIUM_TOKEN_FILE",
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="podium-runner",
        description="Run submissions of a Podium site in sandboxes on this machine.",
        epilog=EPILOG,
        allow_abbrev=False,  # the token is looked for by its option's name
    )
    made.add_argument("--site", help="the site's address, https://podium.example.org")
    made.add_argument(
        "--token-file", metavar="FILE", help="a file that holds the pool's token and only you can read"
    )
    made.add_argument("--token", help="the token itself; others see it in the list of processes for a moment")
    made.add_argument("--pool", help="the pool that the token must be of; without it, whichever it is of")
    made.add_argument("--slots", type=_count, default=1, help="how many jobs run at a time (1)")
    made.add_argument("--sandbox", choices=[*map(str, Sandbox)], help="what they run in (nsjail)")
    made.add_argument(
        "--environments",
        type=_names,
        metavar="NAMES",
        help="what to build here, separated by commas (python; scoring for a pool that is trusted with labels)",
    )
    made.add_argument("--dir", help=f"where inputs, runs and environments lie ({default_directory()})")
    made.add_argument("--environments-dir", metavar="DIR", help="built environments, if elsewhere")
    made.add_argument("--gpus", help='"auto" for all, "" for none')
    made.add_argument("--name", help="what the site calls this host (its name)")
    made.add_argument("--stop", choices=[*map(str, StopMode)], help="what becomes of running jobs (drain)")
    made.add_argument(
        "--allow-soft-limits", action="store_true", help="accept limits that are watched, not enforced, here"
    )
    made.add_argument(
        "--preflight", action="store_true", help="print what the sandbox enforces here, and end"
    )
    made.add_argument(
        "--print-unit", action="store_true", help="print a systemd unit for these arguments, and end"
    )
    made.add_argument("--version", action="version", version=installed_version() or "from a checkout")
    return made


def environment(given: argparse.Namespace, inherited: Mapping[str, str]) -> dict[str, str]:
    """The settings that follow from the arguments, over those that were inherited."""
    told = dict(inherited)
    for argument, setting in SETTINGS.items():
        value = getattr(given, argument)
        if value is not None:
            told[setting] = value
    if given.allow_soft_limits:
        told["PODIUM_ALLOW_SOFT_LIMITS"] = "1"
    directory = Path(told.setdefault("PODIUM_AGENT_DIR", str(default_directory())))
    told.setdefault("PODIUM_ENVIRONMENTS_DIR", str(directory / "environments"))
    told.setdefault("PODIUM_POOL_TOKENS_DIR", str(directory / "tokens"))
    told.setdefault("PODIUM_AGENT_STOP", StopMode.DRAIN)
    return told


def default_directory() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/podium-runner")
    return Path.home() / ".local" / "share" / "podium-runner"


def as_service(arguments: Sequence[str]) -> list[str]:
    """The command of a unit that starts this program as it was started, with paths that hold from anywhere."""
    script = Path(sys.executable).with_name("podium-runner")
    program = [str(script)] if script.exists() else [sys.executable, "-m", "runners.agent.command"]
    given = [argument for argument in arguments if argument != "--print-unit"]
    for index, argument in enumerate(given):
        name, _, value = argument.partition("=")
        if name not in {"--token-file", "--dir", "--environments-dir"}:
            continue
        if value:
            given[index] = f"{name}={Path(value).absolute()}"
        elif index + 1 < len(given):
            given[index + 1] = str(Path(given[index + 1]).absolute())
    return [*program, *given]


def with_file_for_token(arguments: Sequence[str], file: Path) -> list[str]:
    """The arguments with a token's file in place of the token."""
    found = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument == "--token":
            skip = True
        elif not argument.startswith("--token="):
            found.append(argument)
    return [*found, f"--token-file={file}"]


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"{text!r} is no number of slots")
    return int(text)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = environments.definitions()
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name!r} is no environment; there are {', '.join(known)}")
    return names
