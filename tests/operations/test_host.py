"""What the demo says before it builds anything on a machine that is too small."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from operations import host, running
from operations.layout import Layout
from operations.running import NotPossible
from runners.environments import definitions


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def on_a_disk_with(monkeypatch: pytest.MonkeyPatch, free_mb: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 0, free_mb * 10**6))


def test_too_little_disk_names_what_would_be_built_and_how_to_build_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_disk_with(monkeypatch, 1000)
    layout = Layout(var=tmp_path / "var", environments=tmp_path / "environments")
    with pytest.raises(NotPossible) as caught:
        host.check_disk(layout, ["scoring", "python", "torch"])
    said = str(caught.value)
    assert "to build scoring, python, torch, and there are 1000 MB" in said
    assert "ENVIRONMENTS=python" in said
    assert "\n" not in said


def test_what_is_built_needs_no_more_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(var=tmp_path / "var", environments=tmp_path / "environments")
    for name in ("scoring", "python"):
        built = definitions()[name].directory(layout.environments)
        (built / "bin").mkdir(parents=True)
        (built / "bin" / "python").symlink_to("/bin/sh")
        (built / "READY").touch()
    on_a_disk_with(monkeypatch, host.SPARE_MB)
    host.check_disk(layout, ["scoring", "python"])
    on_a_disk_with(monkeypatch, host.SPARE_MB - 1)
    with pytest.raises(NotPossible, match="free some space"):
        host.check_disk(layout, ["scoring", "python"])


@pytest.mark.parametrize("text", ["0", "-1", "80000", "abc", "", "８０００"])
def test_what_is_no_port_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(running.NotPossible, match="no port"):
        running.check_port(running.machine(port=running.port_number(text), var=Path("unused")))
