"""What is taken out of a sandbox when it is over: by descriptors that were opened before its program began."""

from __future__ import annotations

from pathlib import Path

from runners.sandboxes import trees
from runners.sandboxes.collect import collect
from runners.sandboxes.plan import SandboxPlan
from runners.shim.box import Box
from runners.spec import OutputFile
from runners.verdict import OutputState

_MIB = 1 << 20


class Taken:
    """The outputs of one run."""

    def __init__(self, box: Box, plan: SandboxPlan) -> None:
        self._output = box.open("output")
        self._tree = box.open(plan.tree.lstrip("/")) if plan.tree else None

    def collect(self, destination: Path, plan: SandboxPlan) -> tuple[OutputState, list[OutputFile]]:
        """Copy to `destination`, made here: the required file and others, or the whole tree as one archive."""
        most = plan.limits.output_mb * _MIB
        if self._tree is None:
            required, kept = plan.required_output, plan.kept
            return collect(self._output, destination, required=required, max_bytes=most, kept=kept)
        destination.mkdir()
        archive = destination / plan.required_output
        state, file = trees.pack(self._tree, archive, max_bytes=most, max_files=plan.limits.inodes)
        return state, [] if file is None else [file]
