"""Runs one program in a sandbox as whoever starts this; stdlib and `runners` only. JSON on stdin, JSON on stdout."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from runners.sandboxes import cgroups, shims
from runners.sandboxes.plan import SandboxPlan
from runners.spec import Limits
from runners.warm import idle
from runners.warm.shapes import SCRIPT


def main() -> None:
    asked = json.load(sys.stdin)
    directory = Path(asked["directory"])
    rundir = directory / asked["name"]
    rundir.mkdir(mode=0o700)
    source = directory / f"{asked['name']}.py"
    source.write_text(asked["program"])
    source.chmod(0o444)
    plan = SandboxPlan(
        argv=("{python}", "/submission/main.py"),
        environment=asked["environment"],
        limits=Limits(**asked["limits"]),
        required_output="submission.csv",
        inputs=((str(source), "/submission/main.py"),),
    )
    if asked["warm"]:
        waiting = idle.start(
            directory,
            idle.Kind("nsjail", "bare@0123456789ab", SCRIPT.name),
            Path(plan.environment),
            slot=idle.FIRST_SLOT,
            memory_mb=256,
            threads=1,
            preload=("json", "decimal"),
            image="",
        )
        while not waiting.ready():
            time.sleep(0.005)
        assert idle.give(waiting, plan, rundir)
    else:
        shims.launch(rundir, plan)
    while shims.alive(rundir):
        time.sleep(0.005)
    outcome = shims.outcome(rundir)
    shims.reap(rundir)
    log = (rundir / "log").read_bytes() if (rundir / "log").exists() else b""
    left = cgroups.left_over(shims.settings_of(rundir)["cgroup"]) is not None
    json.dump(
        {"outcome": outcome and outcome.as_json(), "log": log.decode("latin-1"), "left": left}, sys.stdout
    )


if __name__ == "__main__":
    main()
