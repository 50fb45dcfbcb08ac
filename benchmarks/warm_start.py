"""Warm against cold, side by side in one run. `python -m benchmarks.warm_start`

Three comparisons, medians, interleaved so that a noisy host hits both alike:

    first_line   from the site's answer to a claim to the program's first line with torch imported, in a warm
                 sandbox, against a bare `python -c "import torch"` of the same environment
    to_score     201 -> score on the board, by the real stack: a script that only writes its predictions, and one that
                 imports numpy, pandas and scikit-learn, fits and predicts; against the same scripts run bare
    agent        the agent's own CPU while a run trains, and its memory against a bare interpreter's

Prints JSON. The exit status says whether the asks hold.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.submission_stages import SCRIPT, to_board_ms
from runners.environments import definitions, interpreter
from tests.runners.agent_stage import AgentStage, stage, until
from tests.runners.site_stand_in import HeldJob
from tests.stack import ENVIRONMENTS, Stack, running_stack

ROUNDS = 10
TRAINS_S = 10
SAYS_WHEN = "import time\nimport {module}\nprint(repr(time.monotonic()), flush=True)\n"
TRAINS = f"""
import time
print("up", flush=True)
end = time.monotonic() + {TRAINS_S + 5}
while time.monotonic() < end: pass
"""
FITS = """
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
train = pd.DataFrame({"x": np.linspace(0, 1, 200)})
train["target"] = (train["x"] > 0.5).astype(int)
model = LogisticRegression().fit(train[["x"]], train["target"])
test = pd.read_csv(INPUT)
test["target"] = model.predict(test[["x"]])
test[["id", "target"]].to_csv(OUTPUT, index=False)
"""
ASKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "first line within 50 ms": lambda told: told["first_line"]["warm_ms"] <= 50,
    "first line within a fiftieth of bare": lambda told: told["first_line"]["bare_over_warm"] >= 50,
    "null script on the board within 250 ms": lambda told: told["to_score"]["null"]["warm_ms"] <= 250,
    "scikit-learn script within half of bare": lambda told: (
        told["to_score"]["sklearn"]["warm_over_bare"] <= 0.5
    ),
    "agent within 1 % of a core": lambda told: told["agent"]["cpu_percent"] <= 1,
    "agent within 60 MiB of a bare interpreter": lambda told: told["agent"]["mib_above_bare"] <= 60,
}


def python_of(name: str) -> Path:
    return interpreter(definitions()[name].directory(ENVIRONMENTS))


def bare_ms(python: Path, *arguments: str) -> float:
    began = time.monotonic()
    subprocess.run([python, *arguments], check=True, env={"OMP_NUM_THREADS": "1"})
    return (time.monotonic() - began) * 1000


@contextmanager
def agent_stage() -> Iterator[AgentStage]:
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder, stage(Path(folder)) as on:
        for name in definitions():
            if not (on.environments_dir / name).exists():
                (on.environments_dir / name).symlink_to(ENVIRONMENTS / name)
        yield on


def idle(on: AgentStage) -> int:
    return len(list((on.agent_dir / "warm").glob("*/ready.json")))


def settled(on: AgentStage, job: HeldJob) -> HeldJob:
    until(lambda: job.finishes, f"{job.id} finished", 120)
    return job


def first_line(on: AgentStage, name: str, module: str) -> dict[str, float]:
    """The stand-in notes when it answered a claim; monotonic time is one for the whole host."""
    environment, program = definitions()[name].identifier, SAYS_WHEN.format(module=module)
    warm, bare = [], []
    on.start_agent(PODIUM_WARM=f"{name}=1", PODIUM_LOOK_EVERY_S="0.2")
    for _ in range(ROUNDS):
        until(lambda: idle(on), "a warm sandbox", 120)
        bare.append(bare_ms(python_of(name), "-c", f"import {module}"))
        job = settled(on, on.site.add_job(program, environment=environment, memory_mb=2048))
        assert job.finishes[0]["stages"]["warm"] == 1
        warm.append((float(job.log.split()[0]) - job.claimed_at) * 1000)
    on.stop_agent()
    ours, theirs = statistics.median(warm), statistics.median(bare)
    return {"warm_ms": round(ours, 1), "bare_ms": round(theirs), "bare_over_warm": round(theirs / ours, 1)}


def agent_itself() -> dict[str, float]:
    with agent_stage() as on:
        agent = psutil.Process(on.start_agent(PODIUM_WARM="python=1").pid)
        until(lambda: idle(on), "a warm sandbox", 120)
        job = on.site.add_job(TRAINS, environment=definitions()["python"].identifier, heartbeat_s=10.0)
        until(lambda: job.log, "the program runs")
        until(lambda: idle(on), "another warm sandbox", 120)
        before, began = sum(agent.cpu_times()[:2]), time.monotonic()
        time.sleep(TRAINS_S)
        cpu = (sum(agent.cpu_times()[:2]) - before) / (time.monotonic() - began)
        memory = agent.memory_full_info().uss
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bare:
        time.sleep(0.5)
        least = psutil.Process(bare.pid).memory_full_info().uss
        bare.communicate(b"\n")
    return {"cpu_percent": round(cpu * 100, 2), "mib_above_bare": round((memory - least) / (1 << 20), 1)}


def to_score(folder: Path) -> dict[str, dict[str, float]]:
    told: dict[str, dict[str, float]] = {}
    with running_stack(folder, PODIUM_WARM="python=1,scoring=1") as stack, stack.client() as client:
        test = folder / "test.csv"
        test.write_bytes(client.get("/api/v1/contests/tiny/data/test.csv").content)
        for name, script in (("null", SCRIPT), ("sklearn", FITS)):
            here = folder / f"bare_{name}.py"
            output = repr(str(folder / "out.csv"))
            here.write_text(script.replace("INPUT", repr(str(test))).replace("OUTPUT", output))
            warm, bare = [], []
            to_board_ms(stack, -1, script)
            for number in range(ROUNDS):
                both_wait(stack)
                warm.append(to_board_ms(stack, number, script)[1])
                bare.append(bare_ms(python_of("python"), str(here)))
            ours, theirs = statistics.median(warm), statistics.median(bare)
            told[name] = {"warm_ms": round(ours), "worst_ms": round(max(warm)), "bare_ms": round(theirs)}
            told[name]["warm_over_bare"] = round(ours / theirs, 2)
    return told


def both_wait(stack: Stack) -> None:
    until(lambda: len(list((stack.var / "agent" / "warm").glob("*/ready.json"))) >= 2, "warm sandboxes", 60)


def main() -> int:
    told: dict[str, Any] = {"rounds": ROUNDS, "load": os.getloadavg()[0]}
    if python_of("torch").exists():
        with agent_stage() as on:
            told["first_line"] = first_line(on, "torch", "torch")
    else:
        told["not_measured"] = (
            "first_line: the environment torch is not built (make bench after a build of it)"
        )
    with agent_stage() as on:
        told["first_line_sklearn"] = first_line(on, "python", "sklearn.linear_model")
    with tempfile.TemporaryDirectory(prefix="podium-bench-") as folder:
        told["to_score"] = to_score(Path(folder))
    told["agent"] = agent_itself()
    told["load_after"] = os.getloadavg()[0]
    told["asks"] = {
        ask: holds(told) for ask, holds in ASKS.items() if "first_line" in told or "first" not in ask
    }
    json.dump(told, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0 if all(told["asks"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
