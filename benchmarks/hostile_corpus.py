"""The whole hostile corpus in each sandbox, and how long a pass takes. `python -m benchmarks.hostile_corpus`

As an operator certifies a host (docs/corpus.md), on a private site. Prints JSON: cases, seconds, and by case
whatever does not hold. The exit status says whether all cases hold in both and a pass stays under five minutes.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from runners.sandboxes.choice import Sandbox
from tests.corpus_runs.passes import CORPUS, judged
from tests.docker import daemon, prepare, why_not

ASKED_S = 300


def one_pass(sandbox: Sandbox, docker_host: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder:
        began = time.monotonic()
        found = judged(CORPUS, Path(folder), "--sandbox", str(sandbox), PODIUM_DOCKER_HOST=docker_host)
        took = time.monotonic() - began
    cases = found.found.get("cases", [])
    return {
        "seconds": round(took),
        "cases": len(cases),
        "skipped": sorted(found.skipped()) if cases else [],
        "leftovers": sum(len(case["leftovers"]) for case in cases),
        "canaries": sum(len(case["canaries"]) for case in cases),
        "failed": found.failed() if cases else {"the pass": [found.said[-500:]]},
        "faults": found.found.get("faults", []),
        "holds": found.status == 0,
    }


def main() -> int:
    told: dict[str, Any] = {"load": os.getloadavg()[0], Sandbox.NSJAIL: one_pass(Sandbox.NSJAIL, "")}
    if reason := why_not():
        told[Sandbox.DOCKER] = {"skipped": reason, "holds": False, "seconds": 0}
    else:
        with daemon() as host:
            prepare(host)
            told[Sandbox.DOCKER] = one_pass(Sandbox.DOCKER, host)
    told["load_after"] = os.getloadavg()[0]
    json.dump(told, sys.stdout, indent=2)
    sys.stdout.write("\n")
    passes = (told[Sandbox.NSJAIL], told[Sandbox.DOCKER])
    return int(not all(found["holds"] and found["seconds"] <= ASKED_S for found in passes))


if __name__ == "__main__":
    sys.exit(main())
