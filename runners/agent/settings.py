"""Everything the agent reads from its environment, in one place.

PODIUM_SITE_URL           address of the site, e.g. http://127.0.0.1:8000
PODIUM_AGENT_DIR          the agent's own directory: cache/ and runs/
PODIUM_ENVIRONMENTS_DIR   built environments: <name>/<version>/
PODIUM_POOLS              "cpu:2,scoring:1": pool slugs and their slots on this host; "cpu:2:runsc" says in
                          which sandbox this pool's jobs run
PODIUM_SANDBOX            optional, "nsjail": the sandbox of pools that name none; "nsjail", "docker" or "runsc"
PODIUM_DOCKER_HOST        optional, unix:///var/run/docker.sock: the Docker daemon of docker and runsc
PODIUM_POOL_TOKENS_DIR    a file <slug> for each pool, mode 0600, holding the pool's token
PODIUM_BROKER_URL         optional; where the pools' bells ring (else: the site's own live stream)
PODIUM_LOOK_EVERY_S       optional, 30: how long a free slot waits for a bell before it asks anyway
PODIUM_AGENT_STOP         optional, "leave": sandboxes outlive the agent; "drain": it waits for them to end, and
                          told once more leaves them; "kill": all jobs are given back
PODIUM_AGENT_HOST         optional, the host's name: what the site calls this host
PODIUM_AGENT_CACHE_MB     optional, 4096: how much the input cache keeps
PODIUM_GPUS               optional, "auto": every device of NVIDIA's driver; some of them by index or UUID; "none"; or
                          a list for tests (runners/gpu/choice.py)
PODIUM_GPU_CLEAN_MB       optional, 256: how much of a GPU's memory may be in use for it to count as clean
PODIUM_WARM               optional: how many sandboxes wait with their libraries imported, by environment, as in
                          "python=2,scoring=1"; without it one for each kind that ran lately; "0" or "off": none
PODIUM_WARM_MB            optional, 2048: how much memory they may take together while they wait
PODIUM_ALLOW_SOFT_LIMITS  optional, 0; 1: strangers' code may run where a limit is watched rather than enforced

`podium-runner` (command.py) finds out the pool from a token and sets the rest from its arguments.
"""

from __future__ import annotations

import dataclasses
import enum
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from runners.gpu.choice import AUTO, open_driver
from runners.sandboxes import choice
from runners.sandboxes.choice import DOCKER_HOST, Sandbox
from runners.warm import choice as warm_choice
from runners.warm.choice import Choice

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
WIDER_THAN_OWNER = 0o077


class SettingsError(Exception):
    """A setting is missing or wrong; the message says which one and how to mend it."""


class StopMode(enum.StrEnum):
    LEAVE = "leave"
    DRAIN = "drain"
    KILL = "kill"


@dataclasses.dataclass(frozen=True, slots=True)
class PoolSlots:
    """So many jobs of one pool may run here at the same time."""

    slug: str
    slots: int
    sandbox: Sandbox = Sandbox.NSJAIL


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    site_url: str
    agent_dir: Path
    environments_dir: Path
    pools: tuple[PoolSlots, ...]
    tokens_dir: Path
    host: str
    broker_url: str = ""  # empty: bells come by the site's live stream
    look_every_s: float = 30.0
    broken_site_s: float = 600.0  # how long a site may answer 5xx to results while it hears heartbeats
    stop: StopMode = StopMode.LEAVE
    cache_bytes: int = 4096 * 1024 * 1024
    docker_host: str = DOCKER_HOST
    allow_soft_limits: bool = False
    warm: Choice = dataclasses.field(default_factory=Choice)
    gpus: str = ""  # for runners.gpu.choice
    gpu_clean_mb: int = 256

    @property
    def runs_dir(self) -> Path:
        return self.agent_dir / "runs"

    def pool_token(self, slug: str) -> str:
        """The pool's token, read at each claim so that a mended file works at once. Raises SettingsError."""
        return read_token(self.tokens_dir / slug, f"pool {slug}")


def read_token(path: Path, whose: str) -> str:
    """The token in a file that only its owner may read. Raises SettingsError."""
    try:
        mode = path.stat().st_mode
        token = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise SettingsError(f"no token for {whose}: write it to {path} (mode 0600)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read the token of {whose} in {path}: {error}") from error
    if mode & WIDER_THAN_OWNER:
        raise SettingsError(f"others may read the token of {whose}: run chmod 600 {path}")
    if not token:
        raise SettingsError(f"the token file of {whose} is empty: write the token to {path}")
    return token


def from_environment(env: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings. Raises SettingsError with one clear line."""
    source: Mapping[str, str] = os.environ if env is None else env  # noqa: TID251  the one place that reads it
    try:
        sandbox, docker_host = choice.default_sandbox(source), choice.docker_host(source)
    except choice.WrongChoice as error:
        raise SettingsError(str(error)) from None
    return Settings(
        site_url=_site_url(_needed(source, "PODIUM_SITE_URL")),
        agent_dir=Path(_needed(source, "PODIUM_AGENT_DIR")).absolute(),
        environments_dir=Path(_needed(source, "PODIUM_ENVIRONMENTS_DIR")).absolute(),
        pools=parse_pools(_needed(source, "PODIUM_POOLS"), sandbox),
        tokens_dir=Path(_needed(source, "PODIUM_POOL_TOKENS_DIR")).absolute(),
        host=source.get("PODIUM_AGENT_HOST", "").strip() or socket.gethostname(),
        broker_url=source.get("PODIUM_BROKER_URL", "").strip(),
        look_every_s=_positive(source, "PODIUM_LOOK_EVERY_S", 30.0),
        broken_site_s=_positive(source, "PODIUM_BROKEN_SITE_S", 600.0),
        stop=_stop_mode(source.get("PODIUM_AGENT_STOP", "").strip() or StopMode.LEAVE),
        cache_bytes=int(_positive(source, "PODIUM_AGENT_CACHE_MB", 4096.0) * 1024 * 1024),
        docker_host=docker_host,
        allow_soft_limits=allows_soft_limits(source),
        warm=_warm(source),
        gpus=_gpus(source.get("PODIUM_GPUS", "").strip() or AUTO),
        gpu_clean_mb=int(_positive(source, "PODIUM_GPU_CLEAN_MB", 256.0)),
    )


def _warm(env: Mapping[str, str]) -> Choice:
    try:
        return warm_choice.read(
            env.get("PODIUM_WARM", "").strip(), int(_positive(env, "PODIUM_WARM_MB", warm_choice.DEFAULT_MB))
        )
    except warm_choice.WrongChoice as error:
        raise SettingsError(str(error)) from None


def allows_soft_limits(env: Mapping[str, str]) -> bool:
    """Whether the operator said that limits which are watched rather than enforced will do. Raises SettingsError."""
    said = env.get("PODIUM_ALLOW_SOFT_LIMITS", "").strip() or "0"
    if said not in {"0", "1"}:
        raise SettingsError(f'PODIUM_ALLOW_SOFT_LIMITS must be 1 or 0, not "{said}"')
    return said == "1"


def parse_pools(text: str, sandbox: Sandbox = Sandbox.NSJAIL) -> tuple[PoolSlots, ...]:
    """Read "cpu:2:runsc,scoring:1"; a slug without a number has one slot, one without a sandbox `sandbox`.

    Raises SettingsError.
    """
    pools = []
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        slug, _, rest = piece.partition(":")
        count, _, named = rest.partition(":")
        if not SLUG.fullmatch(slug) or not (count or "1").isdigit() or int(count or "1") < 1:
            raise SettingsError(f'PODIUM_POOLS: "{piece}" is not <slug>:<slots>, e.g. cpu:2')
        try:
            chosen = choice.named(named, "PODIUM_POOLS") if named else sandbox
        except choice.WrongChoice as error:
            raise SettingsError(str(error)) from None
        pools.append(PoolSlots(slug, int(count or "1"), chosen))
    if not pools or len({pool.slug for pool in pools}) != len(pools):
        raise SettingsError('PODIUM_POOLS must name each pool once, e.g. "cpu:2,scoring:1"')
    return tuple(pools)


def _needed(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set; see docs/runner-protocol.md")
    return value


def _site_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f'PODIUM_SITE_URL must be an http or https address, not "{text}"')
    return text.rstrip("/")


def _positive(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:  # noqa: PLR2004  also refuses nan and inf
        raise SettingsError(f'{name} must be a positive number, not "{text}"')
    return value


def _gpus(text: str) -> str:
    try:
        open_driver(text)
    except ValueError as error:
        raise SettingsError(f"PODIUM_GPUS: {error}") from None
    return text


def _stop_mode(text: str) -> StopMode:
    try:
        return StopMode(text)
    except ValueError:
        raise SettingsError(f'PODIUM_AGENT_STOP must be "leave", "drain" or "kill", not "{text}"') from None
