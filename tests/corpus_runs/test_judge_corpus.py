"""`manage.py judge_corpus` turns red when it should: a wrong expectation, a leak, a bad case, a bare host."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from operations.corpus import host_file
from operations.running import NotPossible
from tests.corpus_runs.passes import RIGHT, Pass, command, environment, judged, write
from tests.docker import PrivateDaemon, why_not
from tests.stack import ROOT, eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

# Generators are told the tokens of the pass, so that a case can leak on purpose. Each of these leaks in its own way.
LEAK = """
import base64, json, os
token = json.loads(os.environ["CORPUS_TOKENS"])[{place!r}]
print({program!r}.replace("TOKEN", repr({shape})))
print({right!r})
"""
LEAKS = {
    "log": ("labels", "token", "print(TOKEN)"),
    "file": ("hidden features", "token[::-1]", "open('/output/found.txt', 'w').write(TOKEN)"),
    "name": ("worker environment", "token", "open('/output/' + TOKEN, 'w').write('x')"),
    "disguise": ("host file", "base64.b64encode(b'it is ' + token.encode()).decode()", "print(TOKEN)"),
    "source": ("another's submission", "token.encode().hex().upper()", "TOKEN"),
}


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Pass:
    """One pass over cases that are all wrong about something, beside some that are right."""
    corpus, own = tmp_path_factory.mktemp("corpus"), tmp_path_factory.mktemp("own")
    write(corpus / "fine", {"main.py": RIGHT}, expect_score=[1, 1], within_s=60, twin="fine-twin")
    write(corpus / "fine-twin", {"main.py": RIGHT})
    write(corpus / "verdict", {"main.py": "raise SystemExit(3)"})
    write(corpus / "score", {"main.py": RIGHT}, expect_score=[0, 0.5])
    write(corpus / "taken", {"main.py": RIGHT}, expect=["REJECTED"])
    write(corpus / "refused", {"main.ipynb": "no notebook"}, kind="notebook", entry="main.ipynb")
    write(corpus / "word", {"main.py": f"print('a secret word'){RIGHT}"}, log_must_not_contain="secret")
    write(corpus / "late", {"main.py": f"import time; time.sleep(1){RIGHT}"}, within_s=0.5)
    write(corpus / "broken", {"make.py": "raise SystemExit('no luck')"}, generate="make.py")
    write(corpus / "first", {"main.py": f"import time; time.sleep(4){RIGHT}"}, parallel_with="second")
    write(corpus / "second", {"main.py": f"import time; time.sleep(4){RIGHT}"})
    for name, (place, shape, program) in LEAKS.items():
        text = LEAK.format(place=place, shape=shape, program=program, right=RIGHT)
        write(corpus / f"leak-{name}", {"make.py": text}, generate="make.py")
    return judged(corpus, own)


def test_a_pass_with_a_red_case_ends_with_an_error_and_says_which(red: Pass) -> None:
    assert red.status == 1
    assert not red.found["holds"]
    assert set(red.failed()) == {
        *("verdict", "score", "taken", "refused", "word", "late", "broken"),
        *(f"leak-{name}" for name in LEAKS),
    }, red.said
    assert "DOES NOT HOLD: 16 cases judged" in red.said
    assert "12 failed, 0 skipped, 0 leftovers" in red.said


def test_a_wrong_expectation_is_told_beside_what_came(red: Pass) -> None:
    assert red.failed()["verdict"] == ["expected SCORED, got RUNTIME_ERROR"]
    assert red.failed()["score"] == ["expected a score from 0 to 0.5, got 1.0"]
    assert red.failed()["taken"] == ["expected REJECTED, got SCORED"]
    assert red.failed()["refused"] == ["expected SCORED, got REJECTED ('bad_notebook')"]
    assert "verdict: expected SCORED, got RUNTIME_ERROR" in red.said


def test_a_word_in_the_log_and_a_late_verdict_are_faults(red: Pass) -> None:
    assert red.failed()["word"] == ["its log holds 'secret', which it must not"]
    assert red.failed()["late"][0].endswith("s, and may take 0.5 s")


def test_a_generator_that_fails_is_named_with_its_last_words(red: Pass) -> None:
    assert red.failed()["broken"][0].endswith("broken/make.py ended with exit status 1: no luck")


def test_cases_that_name_each_other_run_at_the_same_time(red: Pass) -> None:
    together = [red.case(name) for name in ("first", "second")]
    assert all(case["got"] == "SCORED" for case in together)
    # Each runs for four seconds; one after the other the second would have waited for the first.
    lines = [line for line in red.said.splitlines() if " first " in line or " second " in line]
    seconds = [float(line.split("[")[1].split("s]")[0]) for line in lines if line.startswith("[")]
    assert abs(seconds[0] - seconds[1]) < 3, lines


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_seen_wherever_it_goes(red: Pass, name: str) -> None:
    place = LEAKS[name][0]
    assert red.failed()[f"leak-{name}"], red.said
    assert all(seen.startswith(f"{place} in /") or "log text" in seen or "live" in seen
               for seen in red.failed()[f"leak-{name}"])  # fmt: skip


def test_a_leak_in_a_log_is_seen_in_the_api_on_the_page_and_in_the_live_stream(red: Pass) -> None:
    submission = next(
        seen.split("/submissions/")[1].split("/")[0] for seen in red.failed()["leak-log"] if "/log/" in seen
    )
    seen = red.failed()["leak-log"]
    assert f"labels in /api/v1/submissions/{submission}/log/" in seen
    assert f"labels in /submissions/{submission}/" in seen
    assert "labels in the live stream" in seen


def test_malformed_cases_are_told_at_once_and_nothing_starts(tmp_path: Path) -> None:
    write(tmp_path / "a", {}, expct=["SCORED"])
    write(tmp_path / "b", {"main.py": ""}, kind="sript")
    found = judged(tmp_path, tmp_path)
    assert found.status == 2
    assert f"{tmp_path}/a/case.toml: expct: no such field" in found.said
    assert f"{tmp_path}/b/case.toml: kind: 'sript' is none" in found.said
    assert "preparing" not in found.said


def test_an_environment_that_is_not_built_is_named_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "corpus" / "a", {"main.py": RIGHT})
    empty = tmp_path / "none"
    empty.mkdir()
    found = judged(tmp_path / "corpus", tmp_path, PODIUM_ENVIRONMENTS_DIR=str(empty))
    assert found.status == 1
    assert f"not built in {empty}: run" in found.said
    assert "runners.environments build scoring python" in found.said


def test_a_daemon_that_does_not_know_gvisor_is_told_of_in_the_agents_words(tmp_path: Path) -> None:
    if why := why_not():
        pytest.skip(why)
    write(tmp_path / "corpus" / "a", {"main.py": RIGHT})
    with PrivateDaemon(tmp_path / "docker", with_runsc=False).used() as host:
        found = judged(tmp_path / "corpus", tmp_path, "--sandbox", "runsc", PODIUM_DOCKER_HOST=host)
    assert found.status == 1
    assert "instead of SCORED: the agent says: the sandbox does not hold here (sandbox): " in found.said
    assert "runsc" in found.said.splitlines()[-1]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """With a short name: the pass makes sockets in it, and their names may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="podium-") as folder:
        yield Path(folder)


def test_ctrl_c_leaves_nothing(tmp_path: Path, scratch: Path) -> None:
    write(tmp_path / "corpus" / "a", {"main.py": "import time; time.sleep(60)"}, limits={"wall_s": 60})
    said = tmp_path / "said"
    with said.open("wb") as file:
        process = subprocess.Popen(
            command(tmp_path / "corpus"),
            cwd=ROOT,
            env=environment(PODIUM_VAR=str(tmp_path / "var"), TMPDIR=str(scratch), PYTHONUNBUFFERED="1"),
            stdout=file,
            stderr=file,
        )

    def runs() -> list[Path]:
        assert process.poll() is None, said.read_text()
        return list(scratch.glob("podium-corpus-*/agent/runs/*"))

    try:
        eventually(runs, within_s=200, what="a case runs")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        print(said.read_text())  # noqa: T201 - shown when it fails
    assert list(scratch.iterdir()) == []
    assert [
        line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(scratch) in line
    ] == []
    assert [
        p.info for p in psutil.process_iter(["pid", "cmdline"]) if str(scratch) in str(p.info["cmdline"])
    ] == []


def test_the_token_on_the_host_goes_with_the_last_pass(tmp_path: Path) -> None:
    file = tmp_path / "canary"
    with host_file.planted("one", file):
        with host_file.planted("two", file):
            assert file.read_text() == "one\ntwo\n"
            assert file.stat().st_mode & 0o777 == 0o644
        assert file.read_text() == "one\n"
    assert not file.exists()


def test_a_link_in_place_of_that_file_is_not_followed(tmp_path: Path) -> None:
    """Its name is known to everybody on the host."""
    file, victim = tmp_path / "canary", tmp_path / "victim"
    victim.write_text("mine")
    file.symlink_to(victim)
    with pytest.raises(NotPossible, match="remove it"), host_file.planted("one", file):
        pass
    assert victim.read_text() == "mine"
