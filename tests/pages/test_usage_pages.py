"""What runs used, on pages: the curve of one's own run, one's sums, and an organiser's sums over a contest."""

from __future__ import annotations

import json

import pytest

from accounts.models import User
from contests.models import Contest, Submission
from judge.models import Job, Run, UsageSample
from tests.builders import make_submission, make_user
from tests.pages.reading import queries, read, signed_in

MIB = 1 << 20


def with_curve(submission: Submission, count: int = 20, *, attempt: int = 1) -> Submission:
    job = Job.objects.get(run__submission=submission)
    UsageSample.objects.bulk_create(
        UsageSample(
            job=job,
            attempt=attempt,
            number=at,
            wall_s=at * 0.5,
            cpu_s=at * 0.4,
            memory=(40 + at) * MIB,
            disk=2 * MIB,
        )
        for at in range(count)
    )
    return submission


@pytest.fixture
def submission(contest: Contest, alice: User) -> Submission:
    return with_curve(make_submission(contest, alice, status="FINISHED", verdict="NO_OUTPUT"))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_figures_stand_in_a_table_without_javascript(
    submission: Submission, alice: User, language: str
) -> None:
    page = read(signed_in(alice, language=language), f"/submissions/{submission.pk}/")
    assert page.faults() == []
    assert "40 MB 49.5 MB 59 MB 2 GB".replace("49.5", "50") in page.text
    assert "80 % 80 % 80 %" in page.text
    root = next(given for _tag, given in page.elements if "data-usage" in given)
    assert "hidden" not in root
    texts = json.loads(page.html.split('id="usage-texts" type="application/json">')[1].split("</script>")[0])
    assert "{limit}" in texts["limit"]


def test_a_run_without_points_shows_no_curve(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice, status="RUNNING")
    page = read(signed_in(alice), f"/submissions/{submission.pk}/")
    root = next(given for _tag, given in page.elements if "data-usage" in given)
    assert "hidden" in root
    predictions = make_submission(contest, alice, status="FINISHED", kind="predictions")
    assert "data-usage" not in read(signed_in(alice), f"/submissions/{predictions.pk}/").html


def test_the_curve_is_told_from_where_one_has_it(submission: Submission, alice: User) -> None:
    address = f"/submissions/{submission.pk}/usage/"
    whole = signed_in(alice).get(address).json()
    assert [sample[0] for sample in whole["samples"]] == list(range(20))
    assert (
        whole["samples"][3] == [3, 1.5, 1.2, 43 * MIB, 2 * MIB, None, None] or whole["samples"][3][1] == 1.5
    )
    assert (whole["attempt"], whole["after"], whole["complete"]) == (1, 0, True)
    assert whole["limits"]["memory_mb"] == 2048
    rest = signed_in(alice).get(f"{address}?attempt=1&after=18").json()
    assert [sample[0] for sample in rest["samples"]] == [18, 19]
    for strange in ("attempt=1&after=x", "attempt=&after=-1", f"after={'9' * 40}", "attempt=2&after=5"):
        assert len(signed_in(alice).get(f"{address}?{strange}").json()["samples"]) == 20


def test_of_a_second_attempt_the_curve_begins_anew(submission: Submission, alice: User) -> None:
    Job.objects.update(attempt=2)
    with_curve(submission, 3, attempt=2)
    answer = signed_in(alice).get(f"/submissions/{submission.pk}/usage/?attempt=1&after=20").json()
    assert (answer["attempt"], answer["after"], len(answer["samples"])) == (2, 0, 3)


def test_a_curve_is_its_owners_and_the_organisers(
    submission: Submission, bob: User, staff: User, contest: Contest
) -> None:
    address = f"/submissions/{submission.pk}/usage/"
    assert signed_in(bob).get(address).status_code == 404
    assert signed_in(None).get(address).status_code == 302
    assert signed_in(staff).get(address).status_code == 200
    contest.organisers.add(bob)
    assert signed_in(bob).get(address).status_code == 200


def test_ones_own_sums_stand_over_the_list(submission: Submission, contest: Contest, alice: User) -> None:
    make_submission(contest, alice, status="FINISHED", verdict="NO_OUTPUT")
    Run.objects.update(wall_s=90.0, cpu_s=60.0)
    page = read(signed_in(alice), "/submissions/")
    assert "Together: 2 runs, 2 minutes of CPU time in 3 minutes." in page.text
    assert "Together" not in read(signed_in(make_user("new")), "/submissions/").text


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_organisers_see_who_used_how_much(
    submission: Submission, contest: Contest, alice: User, bob: User, language: str
) -> None:
    Run.objects.update(wall_s=7200.0, cpu_s=3600.0, memory_peak=300 * MIB)
    contest.organisers.add(bob)
    client = signed_in(bob, language=language)
    page = read(client, "/contests/digits/usage/")
    assert page.faults() == []
    assert page.html.count('href="/contests/digits/usage/"') == 1
    assert "alice 1" in page.text
    assert "300 MB" in page.text
    before = queries(client, "/contests/digits/usage/")
    for number in range(5):
        make_submission(contest, make_user(f"c{number}"), status="FINISHED", verdict="NO_OUTPUT")
    Run.objects.update(wall_s=1.0)
    assert queries(client, "/contests/digits/usage/") == before


def test_the_usage_of_a_contest_is_nobody_elses_business(contest: Contest, alice: User) -> None:
    assert signed_in(alice).get("/contests/digits/usage/").status_code == 404
    assert signed_in(None).get("/contests/digits/usage/").status_code == 302
    assert "digits/usage/" not in read(signed_in(alice), "/contests/digits/").html


def test_a_contest_without_runs_says_so(contest: Contest, staff: User) -> None:
    assert "No program has been run" in read(signed_in(staff), "/contests/digits/usage/").text
