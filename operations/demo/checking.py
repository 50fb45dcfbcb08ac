"""The check that a demo contest needs before it is published: the real checker, on our own files, at once.

Elsewhere a check is a job in a sandbox, because organisers' files are strangers' files. These are ours, and the demo
shall not wait for a runner. A site has no numpy, so the checker runs in the scoring environment. The baselines are
handed in like everything else.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from accounts.models import User
from contests import publishing
from contests.models import TaskVersion
from judge import checking
from metrics import bundle
from operations.datasets import ContestFiles
from runners.environments import interpreter


def check(version: TaskVersion, files: ContestFiles, *, environment: Path, organiser: User) -> None:
    """Keep a passed check of the version. `environment`: a built one that can score. Raises judge.checking.NotGreen."""
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch, "input"), Path(scratch, "output")
        (source / "public").mkdir(parents=True)
        target.mkdir()
        plan = json.dumps(publishing.check_plan(version))
        (source / "check.json").write_text(plan, encoding="utf-8")
        (source / "solution.csv").symlink_to(files.solution)
        for name, path in files.public.items():
            (source / "public" / name).symlink_to(path)
        program = Path(scratch, "checker.pyz")
        program.write_bytes(bundle.build_zipapp("checker"))
        command = [str(interpreter(environment)), "-I", str(program), str(source), str(target)]
        subprocess.run(command, check=True)
        result = json.loads((target / "result.json").read_text(encoding="utf-8"))
    checking.record_passed(version, result, organiser)
