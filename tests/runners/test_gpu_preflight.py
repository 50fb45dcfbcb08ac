"""What preflight says of a host's GPUs. The devices are those of a table, their files those of this host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runners.sandboxes import preflight, preflight_gpu
from runners.sandboxes.choice import Sandbox
from runners.sandboxes.probing import Row, Status


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PODIUM_GPUS", f"table:{tmp_path / 'table.json'}")
    return tmp_path


def row(host: Path, sandbox: Sandbox = Sandbox.NSJAIL, **device: Any) -> Row:
    rows = [{"id": "a", "memory_mb": 1, "name": "Listed"} | device]
    (host / "table.json").write_text(json.dumps({"devices": rows}))
    (found,) = preflight_gpu.check(sandbox)
    assert found.limit == "GPUs"
    return found


def test_devices_are_promised_where_their_files_are_there_for_every_slot(host: Path) -> None:
    found = row(host, nodes=["/dev/null"])
    assert (found.status, found.advice) == (Status.HARD, "")
    assert found.enforced_by == "1 devices (Listed), each leased to one run"


def test_what_is_missing_is_said_with_how_to_mend_it(host: Path) -> None:
    absent = row(host, nodes=["/dev/nvidia-not-there"])
    assert absent.status is Status.NOTE
    assert "nvidia-modprobe" in absent.advice
    closed = host / "node"
    closed.touch(mode=0o600)
    assert "chmod 0666" in row(host, nodes=[str(closed)]).advice


def test_gvisor_is_promised_no_device(host: Path) -> None:
    assert row(host, Sandbox.RUNSC, nodes=["/dev/null"]).status is Status.NOTE


def test_a_driver_that_does_not_answer_keeps_no_host_from_working(host: Path) -> None:
    (found,) = preflight_gpu.check(Sandbox.NSJAIL)
    assert found.status is Status.NOTE
    assert "cannot be read" in found.enforced_by


def test_a_host_without_devices_has_no_such_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_GPUS", "none")
    assert "GPUs" not in {found.limit for found in preflight.check()}


def test_the_row_is_part_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODIUM_GPUS", "fake0:1000,fake1:1000")
    (found,) = (found for found in preflight.check() if found.limit == "GPUs")
    assert found.enforced_by == "2 devices (fake0, fake1), each leased to one run"
