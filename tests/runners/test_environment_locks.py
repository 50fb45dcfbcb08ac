"""What is read and written around a build: locks, uv's words and pip's settings."""

from __future__ import annotations

import pytest

from runners import environments
from runners.environments import BuildError, DiskTooSmallError, PackagesUnreachableError, building
from runners.environments.failures import explain
from runners.environments.locking import without_torch_builds
from runners.environments.packages import Meter, uv_environment


def test_a_lock_in_which_everything_has_a_hash_admits_nothing_without_one() -> None:
    hashed = "# words\nspeck==1.0 \\\n    --hash=sha256:00\n"
    assert building.fully_hashed(hashed)
    assert not building.fully_hashed(hashed + "torch==2.13.0\n")
    assert not building.fully_hashed("")


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("error: Failed to fetch: `http://x`\n  Caused by: dns error", PackagesUnreachableError),
        ("error: failed to write\n  Caused by: No space left on device (os error 28)", DiskTooSmallError),
        ("  × No solution found when resolving dependencies:\n  ╰─▶ Because speck was not found", BuildError),
    ],
)
def test_what_uv_says_becomes_one_line(output: str, kind: type[BuildError]) -> None:
    error = explain("environment 'tiny'", output)
    assert type(error) is kind
    assert "\n" not in str(error)
    assert "tiny" in str(error) or "speck" in str(error)


def test_pips_settings_reach_uv_unless_uv_has_its_own() -> None:
    pip = {"PIP_INDEX_URL": "a", "PIP_FIND_LINKS": "/b /c", "PIP_CERT": "/d"}
    seen = uv_environment(pip)
    assert (seen["UV_DEFAULT_INDEX"], seen["UV_FIND_LINKS"], seen["SSL_CERT_FILE"]) == ("a", "/b,/c", "/d")
    assert uv_environment(pip | {"UV_DEFAULT_INDEX": "mine"})["UV_DEFAULT_INDEX"] == "mine"


def test_progress_follows_the_bytes_uv_has_fetched_and_never_falls() -> None:
    meter = Meter()
    shares = [
        meter.feed("⠋ Resolving dependencies...")[0],
        meter.feed("⠙ Preparing packages... (0/2)\r\n numpy ------ 4.0 MiB/16.0 MiB")[0],
        meter.feed(
            "⠙ Preparing packages... (0/2)\r\n numpy ------ 8.0 MiB/16.0 MiB\r\n scipy --- 0 B/16.0 MiB"
        )[0],
    ]
    share, step = meter.feed("⠙ Preparing packages... (1/2)\r\n numpy ------ 16.0 MiB/16.0 MiB")
    assert [*shares, share] == sorted([*shares, share])
    assert step == "Fetching packages (16 of 32 MB)"
    assert meter.feed("Installing wheels... (2/2)")[0] == 1.0


def test_a_lock_with_torch_leaves_the_build_of_torch_open() -> None:
    entries = [
        f"{name} \\\n    --hash=sha256:00\n" for name in ("numpy==2.0", "nvidia-nccl==1", "torch==2.13.0")
    ]
    lock = "".join(entries)
    assert without_torch_builds("torch==2.13.0  # why\n", lock).splitlines()[2:] == [
        "torch==2.13.0",
        "numpy==2.0 \\",
        "    --hash=sha256:00",
    ]
    assert without_torch_builds("numpy\n", lock) == lock


def test_podiums_own_environments_hold_hashes_and_no_addresses() -> None:
    known = environments.definitions()
    assert set(known) == {"scoring", "python", "torch", "tensorflow"}
    for definition in known.values():
        text = definition.requirements_file.read_text()
        assert definition.requirements_file.name == "requirements.lock"
        assert "://" not in text
        assert building.fully_hashed(text) == (definition.name != "torch")
        assert definition.preload
