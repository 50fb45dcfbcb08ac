"""A shim whose sandbox waits for a job: told when it is ready, then for a job or for the end of whoever keeps it.

Theory of operation. Whoever keeps a warm sandbox (runners.warm) holds the writing end of a pipe and nobody else does.
When that end is closed the wait is over: with a `release.json` in the run directory there is a job, and from then on
nothing ties the shim to its keeper; without one the keeper has died or wants it no more, and the sandbox is taken
down with its directory. So there is one event, and no moment at which a dying keeper could leave anything behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runners import hook
from runners.sandboxes.cgroups import Cgroup
from runners.sandboxes.plan import SandboxError, SandboxPlan
from runners.shim.body import Body
from runners.shim.gauges import Sample

RELEASE, READY, RELEASED = "release.json", "ready.json", "released"
_WORDS = 2000


class Dropped(Exception):
    """There will be no job: nobody keeps this sandbox any more."""


def wait(body: Body, keeper: int, facts: Callable[[], dict[str, Any]]) -> SandboxPlan:
    """Until there is a job; its plan. What the program printed until then is forgotten.

    `facts` is asked once, when the program is ready, and told in `ready.json`. Raises Dropped, or SandboxError
    when the program ends by itself.
    """
    began, said, ready = time.monotonic(), b"", False
    with selectors.DefaultSelector() as selector:
        for what in (keeper, body.end, body.log):
            selector.register(what, selectors.EVENT_READ)
        while True:
            events = [key.fileobj for key, _ in selector.select()]
            if body.log in events:
                chunk = body.log.read(1 << 16)
                if chunk == b"":
                    selector.unregister(body.log)
                said = (said + (chunk or b""))[-_WORDS:]
                if not ready and said.endswith(hook.READY):
                    ready = True
                    took = round((time.monotonic() - began) * 1000)
                    _tell(Path(READY), facts() | {"preload_ms": took})
            if body.end in events:
                raise SandboxError(f"it ended before it had a job: {said.decode('utf-8', 'replace')}")
            if keeper in events:
                return _released()


def needs(now: Sample, cgroup: Cgroup | None) -> dict[str, Any]:
    """What a ready program has taken already, so that no job with less is given to it."""
    pids = cgroup.processes() if cgroup is not None else _pids()
    threads = sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids)
    return {"memory": now.memory, "disk": now.disk, "threads": threads}


def remove_own_directory(rundir: Path) -> None:
    """Delete the run directory that nobody will look at again, if it still lies where it was made."""
    with contextlib.suppress(OSError):  # a keeper that lives removes it, too
        if rundir.samefile("."):
            shutil.rmtree(rundir)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]  # noqa: PTH208 - names


def _released() -> SandboxPlan:
    try:
        raw = json.loads(Path(RELEASE).read_text("utf-8"))
    except FileNotFoundError:
        raise Dropped("nobody wants it any more") from None
    return SandboxPlan.from_json(raw)


def _tell(path: Path, what: dict[str, Any]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(what), "utf-8")
    draft.replace(path)
