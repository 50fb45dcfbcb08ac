"""201 -> score on the board in each sandbox, by the real stack and warm. `python -m benchmarks.container_start`

A script that only writes its predictions. The sandboxes take turns, one stack each, in one run: look at the ratios, the
host is noisy. Prints JSON; the exit status says whether Docker's median is within half a second.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.submission_stages import SCRIPT, to_board_ms
from runners.sandboxes.choice import Sandbox
from tests.docker import daemon, prepare, why_not
from tests.runners.agent_stage import until
from tests.stack import running_stack

ROUNDS = 10
ASKED_MS = 500


def to_score_ms(sandbox: Sandbox, docker_host: str) -> list[float]:
    """One for each round, when a warm program and a warm scorer wait."""
    settings = {"PODIUM_SANDBOX": str(sandbox), "PODIUM_DOCKER_HOST": docker_host}
    took = []
    with (
        tempfile.TemporaryDirectory(prefix="podium-bench-") as folder,
        running_stack(Path(folder), PODIUM_WARM="python=1,scoring=1", **settings) as stack,
    ):
        warm = stack.var / "agent" / "warm"
        to_board_ms(stack, -1, SCRIPT)
        for number in range(ROUNDS):
            until(lambda: len(list(warm.glob("*/ready.json"))) >= 2, "warm sandboxes", 60)
            took.append(to_board_ms(stack, number, SCRIPT)[1])
    return took


def main() -> int:
    if reason := why_not():
        sys.stderr.write(f"{reason}\n")
        return 2
    told: dict[str, object] = {"rounds": ROUNDS, "load": os.getloadavg()[0]}
    medians = {}
    with daemon() as host:
        prepare(host)
        for sandbox in Sandbox:
            took = to_score_ms(sandbox, host)
            medians[sandbox] = statistics.median(took)
            told[sandbox] = {"median_ms": round(medians[sandbox]), "worst_ms": round(max(took))}
    told["load_after"] = os.getloadavg()[0]
    json.dump(told, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return int(medians[Sandbox.DOCKER] > ASKED_MS)


if __name__ == "__main__":
    sys.exit(main())
