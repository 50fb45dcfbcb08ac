"""How long a user waits when something was killed, with the settings as they are when nobody sets any.

`python -m benchmarks.recovery`. The real stack with a second host, leases of 60 s, heartbeats of 10 s, looks of 30 s:

    adopted   kill -9 of an agent that is started again → its running sandbox is carried on (its log goes on)
    claimed   kill -9 of an agent and all that ran there, for good → another host has claimed the run again
    flushed   the broker loses all it holds, the bell of a new submission with it → the submission runs
    restarted kill -9 of the broker, a submission while it is away → the submission runs

Prints JSON. The exit status says whether all is within a lease, a look and a sweep.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from redis import Redis

from tests.faults.chaos.own import command_of, second_host
from tests.faults.long_contest import SLUG, open_long_contest
from tests.stack import PERFECT, Stack, eventually, running_stack

ROUNDS = 3
LEASE_S, LOOK_S, SWEEP_S = 60, 30, 15
LISTENS_S = 3.0
LONG = (
    b"import time\nfor n in range(6000):\n    print('step', n, flush=True)\n    time.sleep(0.05)\n" + PERFECT
)
Measure = Callable[[Stack], float]


def running(stack: Stack) -> str:
    """A long submission that runs in its sandbox."""
    submission = stack.submit(LONG, contest=SLUG)
    stack.wait_status(submission, "RUNNING")
    eventually(stack.shims, what="the sandbox runs")
    return submission


def log_of(stack: Stack, submission: str) -> int:
    with stack.client() as client:
        return len(client.get(f"/api/v1/submissions/{submission}/log/").json()["text"])


def call_back(stack: Stack, submission: str) -> None:
    with stack.client() as client:
        client.post(f"/api/v1/submissions/{submission}/cancel/")
    eventually(lambda: not stack.shims(), what="the run is over")


def adopted(stack: Stack) -> float:
    submission = running(stack)
    began = time.monotonic()
    stack.kill("agent")
    had = log_of(stack, submission)
    eventually(lambda: log_of(stack, submission) > had, within_s=60, what="the log goes on")
    took = time.monotonic() - began
    call_back(stack, submission)
    return took


def claimed(stack: Stack) -> float:
    submission = running(stack)
    assert stack.supervisor is not None
    host = second_host(stack, stack.url, stack.var / "second", stack.var / "logs" / "second.log")
    stack.supervisor.send_signal(signal.SIGSTOP)  # else it would bring the agent back at once
    try:
        began = time.monotonic()
        stack.kill("agent")
        for shim in stack.shims():
            os.kill(shim["pid"], signal.SIGKILL)
        second = stack.var / "second" / "runs"
        eventually(lambda: list(second.glob("*-2")), within_s=200, what="the other host has it")
        took = time.monotonic() - began
    finally:
        stack.supervisor.send_signal(signal.SIGCONT)
    call_back(stack, submission)
    eventually(lambda: not list(second.glob("*")), what="the other host is free")
    host.close()
    stack.wait_restarted("agent", 0)
    return took


def flushed(stack: Stack) -> float:
    broker = Redis.from_url(command_of(stack.pid("web"))[1]["PODIUM_REDIS_URL"])
    # The agent listens a second at a time: when it sleeps for longer, the bell lies at the broker and is lost with it.
    os.kill(agent := stack.pid("agent"), signal.SIGSTOP)
    time.sleep(LISTENS_S)
    submission = stack.submit()
    eventually(lambda: broker.llen("pool.cpu"), what="the bell waits to be heard")
    broker.flushall()
    began = time.monotonic()
    os.kill(agent, signal.SIGCONT)
    stack.wait_status(submission, "RUNNING", "SCORING", "FINISHED", within_s=120)
    took = time.monotonic() - began
    stack.wait_verdict(submission)
    return took


def restarted(stack: Stack) -> float:
    stack.kill("broker")
    submission = stack.submit()
    began = time.monotonic()
    stack.wait_status(submission, "RUNNING", "SCORING", "FINISHED", within_s=120)
    took = time.monotonic() - began
    stack.wait_verdict(submission)
    return took


def main() -> int:
    settings = {"PODIUM_LEASE_S": LEASE_S, "PODIUM_HEARTBEAT_S": 10, "PODIUM_LOOK_EVERY_S": LOOK_S}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    measures: tuple[Measure, ...] = (adopted, flushed, restarted, claimed)
    with tempfile.TemporaryDirectory(prefix="podium-recovery-") as folder:
        told = {name: str(number) for name, number in settings.items()}
        with running_stack(Path(folder), **told) as stack:
            open_long_contest(stack)
            took = {
                measure.__name__: [round(measure(stack), 1) for _ in range(rounds)] for measure in measures
            }
    figures = {
        name: {"seconds": all_of, "median": statistics.median(all_of)} for name, all_of in took.items()
    }
    json.dump(figures | {"load_average": os.getloadavg()[0]}, sys.stdout, indent=1)
    sys.stdout.write("\n")
    looked = max(*took["flushed"], *took["restarted"])
    return int(max(took["claimed"]) > LEASE_S + LOOK_S + SWEEP_S or looked > LOOK_S + SWEEP_S)


if __name__ == "__main__":
    sys.exit(main())
