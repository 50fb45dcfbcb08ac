"""What this host's sandboxes enforce, found out by trying: `python -m runners.sandboxes.preflight --sandbox NAME`.

How is said in probing.py; what is Docker's own in preflight_docker.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from runners.sandboxes import choice, nsjail, preflight_docker, preflight_gpu, probing
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.plan import SandboxError
from runners.sandboxes.probing import LIMITS, LOOK, Prober, Row, Status, row

__all__ = ["Row", "Status", "check"]

_NAMESPACES = (
    "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1, "
    "kernel.apparmor_restrict_unprivileged_userns=0) or run the agent as root"
)


def check(environments_root: Path | None = None, sandbox: Sandbox = Sandbox.NSJAIL) -> list[Row]:
    """Try everything; two seconds, some more with Docker.

    With a root, every environment that is READY for this sandbox is started once.
    """
    return _tried(environments_root, sandbox) + preflight_gpu.check(sandbox)


def _tried(environments_root: Path | None, sandbox: Sandbox) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="podium-preflight-") as name:
        prober = Prober(Path(name), sandbox)
        if sandbox is not Sandbox.NSJAIL:
            return preflight_docker.check(prober, every_image=environments_root is not None)
        try:
            nsjail.binary()
        except SandboxError as error:
            return [_missing(str(error))]
        try:
            return _check(prober, environments_root)
        except (SandboxError, OSError) as error:
            return [_missing(f"{error}; {_NAMESPACES}")]


def _missing(advice: str) -> Row:
    return Row(limit="sandbox", enforced_by="", status=Status.MISSING, advice=advice)


def _check(prober: Prober, environments_root: Path | None) -> list[Row]:
    environment = str(_bare_environment(prober.directory))
    outcome, report = prober.run(LOOK, LIMITS, environment=environment)
    if outcome.facts is None or report is None:
        reason = outcome.error or f"the probe ended with {outcome.facts}"
        return [_missing(f"{reason}; {_NAMESPACES}")]
    rows = [_namespaces(), *_isolation(report), *prober.limits(environment=environment)]
    rows += [prober.processes(environment=environment), probing.disk_row(report), probing.log_row(outcome)]
    return rows + _environments(prober, environments_root)


def _isolation(report: dict[str, Any]) -> list[Row]:
    filtered = report["seccomp"] == "2" and report["keyctl"] == 1
    own_uid = report["uid"] != os.geteuid() if os.geteuid() == 0 else True
    held = own_uid and probing.is_unprivileged(report)
    seen = f"uid {report['uid']}" + (
        "" if os.geteuid() == 0 else f" in a user namespace, {os.geteuid()} outside"
    )
    advice = "" if os.geteuid() == 0 else "as root every slot gets a uid of its own"
    return [
        probing.network_row(report),
        Row(
            limit="uid",
            enforced_by=f"{seen}, no capabilities, no_new_privs",
            status=Status.HARD if held else Status.MISSING,
            advice=advice,
        ),
        row("system calls", "seccomp filter", held=filtered),
        row("file system", "read-only mounts", held=not report["written"]),
    ]


def _namespaces() -> Row:
    how = "not needed as root" if os.geteuid() == 0 else "unshare --map-root-user"
    return Row(limit="user namespaces", enforced_by=how, status=Status.HARD)


def _environments(prober: Prober, root: Path | None) -> list[Row]:
    rows: list[Row] = []
    for marker in sorted(root.glob("*/*/READY")) if root else ():
        path = marker.parent
        rows.append(probing.started(prober, f"{path.parent.name}@{path.name}", environment=str(path)))
    return rows


def _bare_environment(directory: Path) -> Path:
    """A venv of this very interpreter without packages: two files are enough for one."""
    python = Path(os.path.realpath(sys.executable))
    environment = directory / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(python)
    (environment / "pyvenv.cfg").write_text(f"home = {python.parent}\n", "utf-8")
    directory.chmod(0o755)
    return environment


def main(arguments: list[str] | None = None) -> int:
    """Print the table; exit status 1 when anything is missing."""
    from runners.sandboxes import table  # noqa: PLC0415  it needs what is defined here

    parser = argparse.ArgumentParser(prog="python -m runners.sandboxes.preflight")
    parser.add_argument(
        "environments", nargs="?", type=Path, help="start every environment below this folder"
    )
    parser.add_argument("--sandbox", choices=list(Sandbox), help="default: PODIUM_SANDBOX, else nsjail")
    options = parser.parse_args(arguments)
    try:
        sandbox = Sandbox(options.sandbox) if options.sandbox else choice.default_sandbox()
        rows = check(options.environments, sandbox)
    except choice.WrongChoice as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in table.lines(rows)))
    return int(any(row.status is Status.MISSING for row in rows))


if __name__ == "__main__":
    sys.exit(main())
