"""Which jobs a warm sandbox may be given: those whose command line and places are known beforehand.

A shape is a kind of program. What differs between two jobs of a shape is their files, limits, arguments behind the
program and environment variables; everything else is fixed when the sandbox starts to wait.
"""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath

from runners import hook
from runners.notebook import bundle
from runners.sandboxes.plan import SandboxPlan
from runners.traced import bundle as traced

_ISOLATED, _NO_USER_SITE = "-I", "-s"  # -I would keep the interpreter from finding the hook


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """`argv` begins every command line of its jobs; their inputs lie below `places`."""

    name: str
    argv: tuple[str, ...]
    places: tuple[str, ...]
    program: str  # what runs: the contestant's, which may ask for a cold start, or ours
    is_strangers: bool
    # Modules to be imported beforehand instead of the environment's list, which is then the kernel's.
    driver: tuple[str, ...] = ()

    def fits(self, plan: SandboxPlan) -> bool:
        """Whether this very job could run in a sandbox of this shape."""
        if plan.argv[: len(self.argv)] != self.argv or plan.cwd != "/output":
            return False
        if plan.tree or plan.devices:
            return False
        return all(self._holds(place) for place, _ in plan.links if place != "/kaggle/working") and all(
            self._holds(place) for _, place in plan.inputs
        )

    def held_argv(self) -> tuple[str, ...]:
        """The command line it waits with. Isolated programs are ours, and have the rest of what -I does anyway:
        nothing but our variables is in their environment, and their own archive is the first place on the path.
        """
        return tuple(_NO_USER_SITE if word == _ISOLATED else word for word in self.argv)

    def _holds(self, place: str) -> bool:
        return any(PurePosixPath(place).is_relative_to(top) and place != top for top in self.places)


SCRIPT = Shape(
    "script",
    ("{python}", "/submission/main.py"),
    ("/input", "/submission", "/kaggle/input"),
    program="/submission/main.py",
    is_strangers=True,
)
# The same beside hidden features, where a program of ours runs it and says where it failed.
TRACED = Shape(
    "traced",
    ("{python}", traced.PROGRAM, "/submission/main.py"),
    (*SCRIPT.places, "/app/podium"),
    program="/submission/main.py",
    is_strangers=True,
)
NOTEBOOK = Shape(
    "notebook",
    ("{python}", "-I", bundle.PROGRAM),
    ("/input", "/submission", "/kaggle/input"),
    program=bundle.NOTEBOOK,
    is_strangers=True,
    driver=("nbclient", "nbformat.v4", "nbconvert.exporters.html", hook.KERNEL),
)
SCORER = Shape(
    "scorer",
    ("{python}", "-I", "/submission/scorer.pyz"),
    ("/input", "/submission"),
    program="/submission/scorer.pyz",
    is_strangers=False,
)
CHECKER = Shape(
    "checker",
    ("{python}", "-I", "/submission/checker.pyz"),
    ("/input", "/submission"),
    program="/submission/checker.pyz",
    is_strangers=False,
)
SHAPES = (SCRIPT, TRACED, NOTEBOOK, SCORER, CHECKER)


def shape_of(plan: SandboxPlan) -> Shape | None:
    """The shape that fits a job; None: it starts cold."""
    return next((shape for shape in SHAPES if shape.fits(plan)), None)
