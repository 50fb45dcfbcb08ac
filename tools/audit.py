"""`make audit`: known vulnerabilities of what the locks install, by pip-audit.

A finding fails. A service that cannot be asked does not: a machine without internet still builds, and is told plainly
that nothing was audited (AUDIT_REQUIRED=1 makes that a failure, for a nightly run that has internet). The service is
PyPI's, or with AUDIT_OSV_URL one that speaks OSV's API, such as a network's own. Other locks are named as arguments.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements/app.lock", "requirements/dev.lock")
PATIENCE_S = 300
FOUND, NOT_ASKED = 1, 2


class Audit(NamedTuple):
    """What pip-audit said of one lock: vulnerable packages with their advisories, and what it could not look up."""

    looked_up: int
    found: list[str]
    skipped: list[str]


def read(report: str) -> Audit | None:
    """pip-audit's JSON; None where it gave none, which is how it says that no service answers."""
    try:
        dependencies: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    known = [each for each in dependencies if "skip_reason" not in each]
    found = []
    for each in known:
        for advisory in each["vulns"]:
            mended = ", ".join(advisory["fix_versions"]) or "no version"
            found.append(f"{each['name']} {each['version']}: {advisory['id']}, mended in {mended}")
    return Audit(len(known), found, [each["name"] for each in dependencies if "skip_reason" in each])


def verdict(lock: str, audit: Audit | None, *, required: bool) -> tuple[int, str]:
    """The exit status, and the sentence for whoever reads the build's log."""
    if audit is not None and audit.found:
        return FOUND, "\n".join([f"FAIL {lock}: {len(audit.found)} known vulnerabilities", *audit.found])
    if audit is None or not audit.looked_up:
        said = f"{lock}: NOT AUDITED, as no vulnerability service can be reached from here"
        return (NOT_ASKED, f"FAIL {said}") if required else (0, f"warn {said}")
    said = f"ok   {lock}: {audit.looked_up} packages without a known vulnerability"
    return 0, said + (f"; not known to the service: {', '.join(audit.skipped)}" if audit.skipped else "")


def _asked(lock: str) -> str:
    argv = [
        str(Path(sys.executable).parent / "pip-audit"), "--requirement", lock, "--disable-pip", "--require-hashes",
        "--format", "json", "--progress-spinner", "off", "--timeout", "15",
    ]  # fmt: skip
    if own := os.environ.get("AUDIT_OSV_URL"):  # noqa: TID251 - a tool of the checkout, no part of the site
        argv += ["--vulnerability-service", "osv", "--osv-url", own]
    try:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"{error}\n")
        return ""
    return done.stdout


def main(locks: Sequence[str]) -> int:
    required = bool(os.environ.get("AUDIT_REQUIRED"))  # noqa: TID251 - a tool of the checkout, no part of the site
    worst = 0
    for lock in locks or LOCKS:
        status, said = verdict(lock, read(_asked(lock)), required=required)
        sys.stdout.write(said + "\n")
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
