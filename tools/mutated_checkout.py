"""A throwaway copy of the checkout in which a guard is taken away and put back: for tools/*_mutations.py."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A text of a file, which is there exactly once, and what stands in its place."""

    file: str
    old: str
    new: str


def copy(checkout: Path) -> None:
    """All files that git knows or would add, with the tools and environments of this checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, checkout / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # removed, and not committed yet
            shutil.copy2(source, target, follow_symlinks=False)


@contextlib.contextmanager
def without(checkout: Path, edits: Sequence[Edit]) -> Iterator[None]:
    """Raises LookupError when a guard is not where the list says."""
    before = {edit.file: (checkout / edit.file).read_text(encoding="utf-8") for edit in edits}
    try:
        for edit in edits:
            path = checkout / edit.file
            text = path.read_text(encoding="utf-8")
            if text.count(edit.old) != 1:
                raise LookupError(
                    f"{edit.file} holds {edit.old!r} {text.count(edit.old)} times: mend the list"
                )
            path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
        yield
    finally:
        for name, text in before.items():
            (checkout / name).write_text(text, encoding="utf-8")
