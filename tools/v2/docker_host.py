"""On a host with systemd and cgroup v2, as root: what Docker's sandbox promises there and no test of ours could see.

Run by tools/v2/docker_tests; PODIUM_DOCKER_HOST names the daemon, which has an image of ours. Limits while systemd is
reloaded, the filter of devices, what is left afterwards, and an agent in a container itself, as in compose.yaml.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from runners.environments import images
from runners.sandboxes import cgroups, choice, device_filter, shims
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.engine import Engine
from runners.sandboxes.plan import Outcome, SandboxPlan
from runners.spec import Limits
from runners.verdict import KillReason, RunFacts

TOP = Path("/sys/fs/cgroup")
STATE = Path("/var/lib/podium")  # on a mount that the host shares, see docs/docker.md
HOG = "held = []\nwhile True: held.append(bytes(1 << 20))"
FORK = """
import os, time
for _ in range(40):
    try:
        if os.fork() == 0:
            time.sleep(1)
            os._exit(0)
    except OSError:
        pass
"""
WAIT = """
import time
print("up", flush=True)
time.sleep(60)
"""
SLOT, PATIENCE_S = 4_321, 120.0


class Host:
    """Runs programs in containers below a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.engine = Engine(choice.docker_host())
        ready = images.ready_images(self.engine.host)
        self.image = images.find_image(ready[0], self.engine.host)

    def launch(self, program: str) -> Path:
        rundir = self.directory / f"case-{uuid.uuid4().hex}"
        rundir.mkdir(mode=0o700)
        source = self.directory / f"{rundir.name}.py"
        source.write_text(program)
        source.chmod(0o444)
        plan = SandboxPlan(
            argv=("{python}", "/submission/main.py"),
            environment="/env",
            image=self.image,
            limits=Limits(wall_s=90, cpu_s=60, memory_mb=64, pids=16, disk_mb=8, inodes=100, log_kb=16),
            required_output="submission.csv",
            inputs=((str(source), "/submission/main.py"),),
            env=(("OMP_NUM_THREADS", "2"),),
            slot=SLOT,
        )
        shims.launch(rundir, plan, Sandbox.DOCKER)
        return rundir

    def end(self, rundir: Path) -> RunFacts:
        wait_for(lambda: not shims.alive(rundir), rundir)
        outcome = shims.outcome(rundir) or Outcome(error="it said nothing")
        shims.reap(rundir)
        if outcome.facts is None:
            raise RuntimeError(outcome.error)
        return outcome.facts

    def run(self, program: str) -> RunFacts:
        return self.end(self.launch(program))

    def launch_waiting(self) -> tuple[Path, Path]:
        """A program that waits, and its cgroup."""
        rundir = self.launch(WAIT)
        log = rundir / "log"
        wait_for(lambda: not shims.alive(rundir) or (log.exists() and b"up" in log.read_bytes()), rundir)
        return rundir, TOP / cgroups.PARENT / rundir.name


def wait_for(holds: Callable[[], bool], rundir: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain: {(rundir / 'shim.err').read_text()}")
        time.sleep(0.05)


def memory(host: Host) -> object:
    facts = host.run(HOG)
    return facts.kill_reason is KillReason.MEMORY and facts.oom_kills > 0


def processes(host: Host) -> object:
    facts = host.run(FORK)
    return facts.pids_hits > 0 and facts.exit_code == 0


def place(host: Host) -> object:
    """Moved out of what Docker made, which is empty or gone; with processors and devices as Docker would have it."""
    rundir, ours = host.launch_waiting()
    there = {name: (ours / name).read_text().strip() for name in ("cpu.max", "cpu.weight", "memory.swap.max")}
    first = host.engine.inspect(f"podium-{rundir.name}")["State"]["Pid"]
    copy = ours.parent / f"copy-{rundir.name}"
    copy.mkdir()
    filters = device_filter.copy(ours, copy)
    copy.rmdir()
    docker = [path for path in TOP.rglob("docker-*.scope/cgroup.procs") if path.read_text()]
    shims.cancel(rundir)
    cancelled = host.end(rundir).kill_reason is KillReason.CANCEL
    wanted = {"cpu.max": "200000 100000", "cpu.weight": "25", "memory.swap.max": "0"}
    return cancelled and there == wanted and filters > 0 and first and not docker


def reloaded(host: Host) -> object:
    """Systemd minds its own business: the limits stay, and so do the processes."""
    rundir, ours = host.launch_waiting()
    names = ("memory.max", "memory.swap.max", "pids.max", "cpu.max", "cgroup.procs")
    before = {name: (ours / name).read_text() for name in names}
    for verb in ("daemon-reload", "daemon-reexec"):
        subprocess.run(["systemctl", verb], check=True)
    subprocess.run(["systemd-run", "--quiet", "--wait", "--property=CPUWeight=50", "true"], check=True)
    after = {name: (ours / name).read_text() for name in names}
    shims.cancel(rundir)
    host.end(rundir)
    return before == after


def agent_in_a_container(host: Host) -> object:
    """With the capabilities that compose.yaml gives it, in a cgroup namespace of its own."""
    given = re.search(r"cap_add: \[([A-Z_, ]+)\]", Path("compose.yaml").read_text())
    capabilities = given[1].split(", ") if given else []
    binds = ["/sys/fs/cgroup", "/podium", f"{STATE}:{STATE}:rshared"]
    binds = [bind if ":" in bind else f"{bind}:{bind}" for bind in binds]
    socket = host.engine.host.removeprefix("unix://")
    command = [
        "docker",
        "-H",
        host.engine.host,
        "run",
        "--rm",
        "--pid=host",
        "--network=none",
        "--cap-drop=ALL",
    ]
    command += [f"--cap-add={name}" for name in capabilities]
    command += ["--security-opt=no-new-privileges:true", "--security-opt=apparmor:unconfined"]
    command += [f"--volume={bind}" for bind in (*binds, f"{socket}:/var/run/docker.sock")]
    command += [
        f"--env={name}" for name in ("PYTHONPATH=/podium", f"TMPDIR={STATE}", "PYTHONDONTWRITEBYTECODE=1")
    ]
    command += ["--workdir=/podium", "podium/base:debian", "python3", "-m", "tools.v2.docker_host", "inside"]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    sys.stdout.write(told.stdout + told.stderr)
    return told.returncode == 0


def nothing_left(host: Host) -> object:
    """No container of ours, no unit of systemd's, no cgroup, no mount."""
    listed = subprocess.run(
        ["systemctl", "list-units", "--all", "--plain", "--no-legend", "docker-*.scope"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    runs = list((TOP / cgroups.PARENT).glob("case-*")) + list((TOP / cgroups.PARENT).glob("preflight-*"))
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if "/case-" in line]
    return not (listed.strip() or runs or mounts or host.engine.labelled("podium.run"))


CASES = (memory, processes, place, reloaded, agent_in_a_container, nothing_left)
INSIDE = (memory, processes)  # what an agent in a container tries


def main() -> int:
    """Exit status 0 when every case is as it must be."""
    STATE.mkdir(exist_ok=True)
    failed = 0
    with tempfile.TemporaryDirectory(dir=STATE) as name:
        os.chmod(name, 0o755)  # noqa: PTH101, S103 - a uid of its own looks into it
        host = Host(Path(name))
        for case in INSIDE if "inside" in sys.argv else CASES:
            try:
                held = bool(case(host))
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                sys.stdout.write(f"{error}\n")
                held = False
            failed += not held
            sys.stdout.write(f"{'held  ' if held else 'FAILED'} {case.__name__.replace('_', ' ')}\n")
            sys.stdout.flush()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
