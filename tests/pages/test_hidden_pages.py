"""What pages say where test rows are hidden and projects are taken: before handing in, and on the way."""

from __future__ import annotations

import json

import pytest

from accounts.models import User
from contests.models import Contest
from judge.models import Run
from runners.spec import SUBMISSION_FILE
from runners.traced.bundle import TRACE
from tests.builders import make_contest, make_facts, make_user, task_version_of
from tests.hidden import hand_in, hidden_contest, zipped
from tests.judge.host import Host
from tests.pages.reading import Page, read, signed_in

pytestmark = pytest.mark.django_db
SCRIPT = b"print(1)\nprint(2)\n"
SECTIONS = ("", "data/", "evaluation/", "limits/", "submit/")


@pytest.fixture
def secret(db: None) -> Contest:
    return hidden_contest(slug="secret")


def steps(page: Page) -> list[str]:
    shown = [str(given["class"]) for given in page.all("li") if str(given.get("class")).startswith("step")]
    return [words.removeprefix("step").strip().removeprefix("is-") for words in shown]


def page_of(run: Run, user: User) -> Page:
    return read(signed_in(user), f"/submissions/{run.submission_id}/")


def in_the_api(run: Run, user: User) -> dict[str, object]:
    answer = signed_in(user).get(f"/api/v1/submissions/{run.submission_id}/")
    found: dict[str, object] = answer.json()["runs"][0]
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_says_that_the_test_rows_are_hidden(secret: Contest, alice: User, section: str) -> None:
    make_contest("open")
    client = signed_in(alice)
    page = read(client, f"/contests/secret/{section}")
    assert "hidden" in page.text.replace("Code is run in a sandbox, scored against a hidden test set", "")
    assert page.faults() == []
    said = read(client, f"/contests/open/{section}")
    assert "hidden-rows" not in said.html
    assert "rehears" not in said.text


def test_the_data_page_says_what_the_public_file_of_that_name_is(secret: Contest, alice: User) -> None:
    said = read(signed_in(alice), "/contests/secret/data/").text
    assert "lie in /input under the same names: test.csv ." in said
    assert "a small sample with the same columns" in said


def test_projects_are_named_where_they_are_taken(secret: Contest, alice: User) -> None:
    client = signed_in(alice)
    for section in ("", "submit/"):
        assert (
            "a project: a zip with train.py and predict.py"
            in read(client, f"/contests/secret/{section}").text
        )
    form = read(client, "/contests/secret/submit/")
    (file,) = [given for given in form.all("input") if given.get("type") == "file"]
    assert ".zip" in str(file["accept"])
    assert "leaves its model in /model" in read(client, "/contests/secret/evaluation/").text


def test_limits_stand_there_by_program_where_they_differ(secret: Contest, alice: User) -> None:
    client = signed_in(alice)
    assert "by program" not in read(client, "/contests/secret/limits/").text
    version = task_version_of(secret)
    version.stage_limits = {"train": {"wall_s": 7200, "gpus": 1}, "predict": {"wall_s": 60}}
    version.save()
    said = read(client, "/contests/secret/limits/").text
    assert "Time, on the clock 2 hours 1 minute" in said
    assert "GPUs, for this run alone 1 0" in said
    assert "Failures beside hidden rows that are explained: 5 a day." in said


def test_a_script_is_followed_through_its_rehearsal_to_the_hidden_rows(secret: Contest, alice: User) -> None:
    run = hand_in(secret, alice, "work.py", SCRIPT).runs.get()
    host = Host()
    assert steps(page_of(run, alice)) == ["now", "", "", "", ""]
    spec = host.must_claim()
    host.heartbeat(spec, log=b"rehearsing\n")
    page = page_of(run, alice)
    assert steps(page) == ["done", "now", "", "", ""]
    assert "This is the rehearsal on the public files." in page.text
    assert "live" in page.text
    assert "Nothing has been printed yet." in page.html
    host.run_well(spec)
    page = page_of(run, alice)
    assert steps(page) == ["done", "done", "now", "", ""]
    assert "The rehearsal went well." in page.text
    assert "Nothing was printed." in page.html
    assert "Nothing has been printed yet." not in page.html
    spec = host.must_claim()
    page = page_of(run, alice)
    assert steps(page) == ["done", "done", "now", "", ""]
    assert "Nothing that it prints or writes is shown." in page.text
    assert "Log of the rehearsal" in page.text
    assert "live-mark" not in page.html
    assert "from /output of the rehearsal" in page.text
    host.run_well(spec)
    assert steps(page_of(run, alice)) == ["done", "done", "done", "now", ""]
    host.score_well(host.must_claim("scoring"))
    page = page_of(run, alice)
    assert steps(page) == ["done"] * 5
    assert "Beside hidden rows, rounded up coarsely" in page.text
    assert page.faults() == []


def test_a_failed_rehearsal_stops_there_and_the_quota_says_what_is_left(secret: Contest, alice: User) -> None:
    run = hand_in(secret, alice, "work.py", SCRIPT).runs.get()
    host = Host()
    host.finish(host.must_claim(), facts=make_facts(exit_code=1))
    page = page_of(run, alice)
    assert steps(page) == ["done", "stopped", "", "", ""]
    assert "no quota is used up" in page.text
    said = read(signed_in(alice), "/contests/secret/submit/").text
    assert "50 of 50 submissions left today" in said
    assert "19 of 20 free failed rehearsals left today" in said
    assert "5 of 5 explanations of failures beside hidden rows left today" in said


def fail_beside_hidden_rows(contest: Contest, user: User) -> Run:
    run = hand_in(contest, user, "work.zip", zipped()).runs.get()
    host = Host()
    host.finish(host.must_claim(), files={"model.zip": zipped({"a": b"1"})})
    trace = {"file": "predict.py", "line": 3, "exception": "ValueError"}
    host.finish(host.must_claim(), facts=make_facts(exit_code=1), files={TRACE: json.dumps(trace).encode()})
    run.refresh_from_db()
    return run


def test_a_project_that_fails_beside_hidden_rows_is_explained_on_page_and_in_the_api(
    secret: Contest, alice: User
) -> None:
    run = fail_beside_hidden_rows(secret, alice)
    page = page_of(run, alice)
    assert steps(page) == ["done", "done", "stopped", "", ""]
    assert "in predict.py, line 3. The exception is of the kind ValueError." in page.text
    assert "from /model" in page.text
    said = in_the_api(run, alice)
    assert said["trace"] == {
        "stage": "predict",
        "explained": True,
        "file": "predict.py",
        "line": 3,
        "exception": "ValueError",
    }
    stages = said["stages"]
    assert isinstance(stages, list)
    assert [(s["kind"], s["status"], s["withheld"], s["finished_at"] is None) for s in stages] == [
        ("train", "FINISHED", False, False),
        ("predict", "FINISHED", True, True),
    ]


def test_explanations_that_are_left_are_counted_on_page_and_in_the_api(secret: Contest, alice: User) -> None:
    task_version_of(secret).task.versions.update(hidden_replies=1)
    fail_beside_hidden_rows(secret, alice)
    client = signed_in(alice)
    assert "0 of 1 explanations" in read(client, "/contests/secret/submit/").text
    quota = client.get("/api/v1/contests/secret/quota/").json()
    assert (quota["explained_left"], quota["rehearsals_today"], quota["rehearsals_limit"]) == (0, 0, 20)
    run = fail_beside_hidden_rows(secret, alice)
    assert in_the_api(run, alice)["trace"] == {"stage": "predict", "explained": False}
    assert "No more failures are explained today." in page_of(run, alice).text


def test_where_nothing_is_hidden_a_project_shows_both_logs_and_a_quota_without_rehearsals(db: None) -> None:
    user = make_user("bert")
    contest = make_contest("works", kinds=("project",))
    run = hand_in(contest, user, "work.zip", zipped()).runs.get()
    host = Host()
    spec = host.must_claim()
    host.heartbeat(spec, log=b"training\n")
    assert "train.py is running." in page_of(run, user).text
    host.finish(spec, files={"model.zip": zipped({"a": b"1"})})
    spec = host.must_claim()
    host.heartbeat(spec, log=b"predicting\n")
    page = page_of(run, user)
    assert "predict.py is running." in page.text
    assert "training predicting" in page.text
    assert "shown to nobody" not in page.text
    host.finish(spec, files={SUBMISSION_FILE: b"id,target\n3,1\n4,1\n"})
    host.score_well(host.must_claim("scoring"))
    assert steps(page_of(run, user)) == ["done"] * 5
    assert "rehearsals" not in read(signed_in(user), "/contests/works/submit/").text
    assert signed_in(user).get("/api/v1/contests/works/quota/").json()["explained_left"] is None
