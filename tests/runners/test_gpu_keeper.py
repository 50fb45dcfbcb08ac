"""Devices between two runs: offered to one slot at a time, leased while their run lives, quarantined when unclean."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import structlog

from runners.gpu.choice import open_driver
from runners.gpu.driver import Driver
from runners.gpu.keeper import CLEAN_WITHIN_S, LOOK_AGAIN_S, Keeper, Kept, NotOffered
from runners.gpu.leases import FACTS, Leases
from runners.gpu.nvml import Nvml


class Host:
    """A host with the devices of a table, and a clock that is set by hand."""

    def __init__(self, directory: Path, *devices: str) -> None:
        self.table, self.runs = directory / "table.json", directory / "runs"
        self.rows: dict[str, dict[str, Any]] = {name: {"id": name, "memory_mb": 16384} for name in devices}
        self.now = 0.0
        self.leases = Leases(directory / "gpus", self.runs)
        self.write()
        driver = open_driver(f"table:{self.table}")
        assert driver is not None
        self.keeper = self.keep(driver)

    def keep(self, driver: Driver | None) -> Keeper:
        return Keeper(driver, self.leases, clean_mb=256, log=structlog.get_logger(), clock=lambda: self.now)

    def set(self, device: str, **facts: Any) -> None:
        self.rows[device] |= facts
        self.write()

    def write(self) -> None:
        self.table.write_text(json.dumps({"devices": list(self.rows.values())}))

    def states(self) -> dict[str, str]:
        return {told["id"]: told["state"] for told in self.keeper.report()}

    def reason(self, device: str) -> str:
        return str(next(told.get("reason", "") for told in self.keeper.report() if told["id"] == device))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path, "fake0", "fake1")


def test_a_host_without_devices_offers_none_and_asks_nobody(tmp_path: Path) -> None:
    keeper = Host(tmp_path).keep(None)
    with keeper.offer() as outer, keeper.offer() as inner:  # nobody waits for anybody
        assert (outer.told, inner.told) == ([], [])
        with pytest.raises(NotOffered):
            inner.keep(1)


def test_devices_that_were_offered_and_not_kept_are_free_again(host: Host) -> None:
    with host.keeper.offer() as offer:
        assert [told["state"] for told in offer.told] == ["free", "free"]
        kept = offer.keep(1)
    assert host.states() == {"fake0": "leased", "fake1": "free"}
    assert [device.id for device in kept.devices] == ["fake0"]
    kept.let_go()
    assert host.states() == {"fake0": "free", "fake1": "free"}


def test_a_job_gets_all_of_its_devices_or_none(host: Host) -> None:
    with host.keeper.offer() as offer, pytest.raises(NotOffered):
        offer.keep(3)
    assert host.states() == {"fake0": "free", "fake1": "free"}


def test_many_slots_that_ask_at_once_never_hold_the_same_device_and_all_come_through(host: Host) -> None:
    holders: dict[str, int] = {}
    clashes: list[str] = []

    def work() -> None:
        for round_ in range(20):
            with host.keeper.offer() as offer:
                count = 1 + round_ % 2
                kept = offer.keep(count) if len(offer._leases) >= count else Kept()
                clashes.extend(
                    device.id
                    for device in kept.devices
                    if holders.setdefault(device.id, threading.get_ident()) != threading.get_ident()
                )
            for device in kept.devices:
                holders.pop(device.id)
            kept.let_go()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert clashes == []


def test_a_lease_lives_as_long_as_the_process_that_inherited_it(host: Host) -> None:
    lease = host.leases.take("fake0")
    assert lease is not None
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lease.handle,)
    )
    lease.let_go()
    assert host.states()["fake0"] == "leased"
    child.kill()
    child.wait()
    assert child.stdin is not None
    child.stdin.close()
    assert host.states()["fake0"] == "free"


def test_a_device_is_not_free_while_a_run_whose_shim_died_may_live_on(host: Host) -> None:
    run = host.runs / "job-1"
    facts = run / FACTS
    facts.parent.mkdir(parents=True)
    lease = host.leases.take("fake0")
    assert lease is not None
    lease.assign("job-1")
    lease.let_go()
    assert host.states()["fake0"] == "leased"  # the lock is free, but nobody has seen the run end
    facts.write_text('{"error": "the shim gave up"}')
    assert host.states()["fake0"] == "leased"
    facts.write_text('{"facts": {}, "files": []}')
    assert host.states()["fake0"] == "free"  # ended in order, and its results may still be on their way
    shutil.rmtree(run)
    assert host.states()["fake0"] == "free"


@pytest.mark.parametrize("facts", [{"used_mb": 300}, {"processes": 1}, {"nodes": ["/dev/nvidia-not-there"]}])
def test_a_device_that_does_not_get_clean_is_quarantined_until_it_is(
    host: Host, facts: dict[str, Any]
) -> None:
    host.set("fake0", **facts)
    assert host.states() == {"fake0": "cleaning", "fake1": "free"}
    host.now = CLEAN_WITHIN_S
    assert host.states() == {"fake0": "quarantined", "fake1": "free"}
    assert host.reason("fake0")
    host.set("fake0", used_mb=0, processes=0, nodes=[])
    assert host.states()["fake0"] == "quarantined"  # looked at once a minute
    host.now += LOOK_AGAIN_S
    assert host.states()["fake0"] == "free"
    assert host.reason("fake0") == ""


def test_a_device_that_gets_clean_in_time_is_offered_at_once(host: Host) -> None:
    host.set("fake0", used_mb=8000)
    assert host.states()["fake0"] == "cleaning"
    host.now = CLEAN_WITHIN_S / 2
    host.set("fake0", used_mb=3)
    assert host.states()["fake0"] == "free"
    host.set("fake0", used_mb=8000)  # later, by another run: it has its own time
    host.now = CLEAN_WITHIN_S * 2
    assert host.states()["fake0"] == "cleaning"


def test_a_quarantined_device_is_never_leased(host: Host) -> None:
    host.set("fake0", processes=2)
    host.states()
    host.now = CLEAN_WITHIN_S
    with host.keeper.offer() as offer:
        kept = offer.keep(1)
        with pytest.raises(NotOffered):
            offer.keep(1)
    assert [device.id for device in kept.devices] == ["fake1"]
    kept.let_go()


def test_a_device_that_the_driver_does_not_list_any_more_is_missed_and_not_forgotten(host: Host) -> None:
    assert host.states() == {"fake0": "free", "fake1": "free"}
    gone = host.rows.pop("fake1")
    host.write()
    assert host.states() == {"fake0": "free", "fake1": "quarantined"}
    host.rows["fake1"] = gone
    host.write()
    host.now = LOOK_AGAIN_S
    assert host.states() == {"fake0": "free", "fake1": "free"}


def test_a_driver_that_fails_takes_no_slot_down(host: Host) -> None:
    host.states()
    host.table.write_text("nonsense")
    assert set(host.states().values()) == {"quarantined"}
    assert "cannot be read" in host.reason("fake0")


def test_only_a_host_with_nvidias_driver_is_asked_for_its_devices() -> None:
    there = Path("/dev/nvidiactl").exists() or Path("/proc/driver/nvidia/version").exists()
    assert isinstance(open_driver("auto"), Nvml) == there


def test_a_driver_that_was_named_and_is_not_there_has_no_devices(tmp_path: Path) -> None:
    assert Host(tmp_path).keep(open_driver("GPU-0", "/no/pynvml.py")).report() == []


@pytest.mark.parametrize(
    "text", ["fake0", "fake0:lots", "a:1,a:2", "table:relative.json", "../x:1", "auto,0", "GPU_1"]
)
def test_a_setting_that_names_no_devices_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        open_driver(text)


def test_devices_of_the_driver_may_be_chosen_by_index_or_uuid() -> None:
    assert isinstance(open_driver("0,GPU-8f9e3b8e-0000-1111-2222-333344445555"), Nvml)
    assert open_driver("") is None


def test_the_lock_files_are_nobody_elses_to_read(host: Host, tmp_path: Path) -> None:
    host.states()
    assert (tmp_path / "gpus").stat().st_mode & 0o077 == 0
    assert {path.name for path in (tmp_path / "gpus").iterdir()} == {"fake0", "fake1"}
