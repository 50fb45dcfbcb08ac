"""What a runner host says of itself when it asks for work, and whether it may have any."""

from __future__ import annotations

import dataclasses
from typing import Any

from compute import pools
from runners import wire

MAX_LISTED = 100  # environments of a host, builds under way, rows of its preflight
HARD, SOFT, MISSING, NOTE = "hard", "soft", "missing", "note"
DEVICE_FIELDS = {"id", "name", "memory_mb", "state"}
DEVICE_STATES = {"free", "leased", "cleaning", pools.QUARANTINED}
ROW_FIELDS = {"limit", "enforced_by", "status", "advice"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HostReport:
    """A host as it described itself. A host that tried nothing beforehand has no preflight."""

    host: str
    environments: list[str]
    building: dict[str, Any]
    sandbox: str = ""
    preflight: list[dict[str, str]] = dataclasses.field(default_factory=list)
    allows_soft_limits: bool = False
    devices: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def free(self) -> int:
        """GPUs that this host keeps for the job it asks for."""
        return sum(device["state"] == "free" for device in self.devices)

    @property
    def usable(self) -> int:
        return sum(device["state"] != pools.QUARANTINED for device in self.devices)


def read(body: dict[str, Any]) -> HostReport:
    """Raises wire.Malformed."""
    host = wire.text(body, "host", most=1000, default="")[:120]
    if not host:
        raise wire.Malformed("host must name the runner host.")
    if not host.isprintable():  # operators see it in their terminals
        raise wire.Malformed("host must be a name without control characters.")
    return HostReport(
        host=host,
        environments=_environments(body),
        building=_building(body),
        sandbox=wire.text(body, "sandbox", most=20, default=""),
        preflight=[_row(row) for row in wire.listed(body, "preflight", most=MAX_LISTED)],
        allows_soft_limits=wire.flag(body, "allow_soft_limits"),
        devices=_devices(body),
    )


def refusal(report: HostReport) -> str:
    """Why a host that said this gets no job; empty when it may have one.

    An agent does not start where this would be said. The site says it as well: strangers' code shall not run where
    the host itself says that nothing, or nothing its operator agreed to, holds it.
    """
    missing = [row["limit"] for row in report.preflight if row["status"] == MISSING]
    if missing:
        return f"This host says that nothing enforces {', '.join(missing)}: its table tells how to mend that."
    soft = [row["limit"] for row in report.preflight if row["status"] == SOFT]
    if soft and not report.allows_soft_limits:
        return (
            f"This host says that {' and '.join(soft)} are only watched there: its operator may allow that with "
            "PODIUM_ALLOW_SOFT_LIMITS=1."
        )
    return ""


def _environments(body: dict[str, Any]) -> list[str]:
    named = wire.listed(body, "environments", most=10_000)
    if not all(isinstance(item, str) for item in named):
        raise wire.Malformed("environments must be a list of identifiers.")
    return named[:MAX_LISTED]


def _building(body: dict[str, Any]) -> dict[str, Any]:
    """Builds under way, by environment: shown to contestants who wait, so each is checked too."""
    builds = wire.mapping(body, "building", most=MAX_LISTED)
    for build in builds.values():
        if not isinstance(build, dict):
            raise wire.Malformed("building must hold an object for each environment.")
        if build.get("percent") is not None:
            wire.whole(build, "percent", most=100)
    return builds


def _devices(body: dict[str, Any]) -> list[dict[str, Any]]:
    devices = [_device(raw) for raw in wire.listed(body, "devices", most=MAX_LISTED)]
    if len({device["id"] for device in devices}) < len(devices):
        raise wire.Malformed("devices names one device twice.")
    return devices


def _device(raw: object) -> dict[str, Any]:
    known = wire.only(raw, "A device", needed=DEVICE_FIELDS, allowed=DEVICE_FIELDS | {"reason"})
    if wire.text(known, "state", most=20) not in DEVICE_STATES:
        raise wire.Malformed(f"state of a device must be one of {', '.join(sorted(DEVICE_STATES))}.")
    return {
        "id": wire.text(known, "id", most=100),
        "name": wire.text(known, "name", most=200),
        "memory_mb": wire.whole(known, "memory_mb"),
        "state": known["state"],
        "reason": wire.text(known, "reason", most=10_000, default="")[:500],
    }


def _row(raw: object) -> dict[str, str]:
    row = wire.only(raw, "A row of preflight", needed={"limit", "status"}, allowed=ROW_FIELDS)
    known = {name: wire.text(row, name, most=1000, default="") for name in sorted(ROW_FIELDS)}
    if known["status"] not in {HARD, SOFT, MISSING, NOTE}:
        raise wire.Malformed("status of a row of preflight must be hard, soft, missing or note.")
    return known
