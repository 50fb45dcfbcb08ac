"""An organiser without a shell: a contest, its phase and its task come into being in the admin's forms."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from contests.models import Contest, StarterCode, TaskVersion
from leaderboard import boards
from tests import builders
from tests.builders import make_environment, make_organiser, make_pool, make_user
from tests.pages.admin_forms import Answer, fill_in, press
from tests.pages.reading import read, signed_in

pytestmark = pytest.mark.django_db

WORDS = {"title": "Wine", "slug": "wine", "summary": "Which vineyard?", "description": "# Wine"}


@pytest.fixture
def ada(db: None) -> User:
    """Staff, not a superuser: she may open contests."""
    make_environment("python")
    make_environment("torch")
    make_environment("scoring")
    make_pool("cpu")
    make_pool("scoring", trusted=True)
    return make_organiser("ada")


@pytest.fixture
def client(ada: User) -> Client:
    return signed_in(ada)


def file(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def open_contest(client: Client, **changes: Any) -> Contest:
    page = fill_in(client, "/admin/contests/contest/add/", **WORDS | changes)
    assert page.status == 200, page.text
    return Contest.objects.get(slug=changes.get("slug", "wine"))


def add_task(client: Client, contest: Contest, **changes: Any) -> Answer:
    uploads = {
        "data_files": [file(name, content) for name, content in builders.DATA_FILES.items()],
        "solution": file("solution.csv", builders.SOLUTION),
        "split": "usage",
    }
    phase = contest.phases.get()
    return fill_in(client, f"/admin/contests/task/add/?phase={phase.pk}", **uploads | changes)


def test_who_opens_a_contest_organises_it_and_it_is_hidden_with_one_phase_that_is_open(
    client: Client, ada: User
) -> None:
    contest = open_contest(client)
    assert list(contest.organisers.all()) == [ada]
    assert not contest.published
    phase = contest.phases.get()
    assert (phase.position, phase.daily_limit, phase.total_limit, phase.ends_at) == (1, 50, None, None)
    page = read(client, f"/admin/contests/contest/{contest.pk}/change/")
    assert re.search(r"Words done.*Phase done.*Task next.*Check to do.*Publish to do", page.text)
    assert "The contest has no task." in page.text
    assert signed_in(None).get("/contests/wine/").status_code == 404
    assert client.get("/contests/wine/").status_code == 200


def test_mistakes_stand_beside_their_fields_and_what_was_entered_stays(client: Client) -> None:
    page = fill_in(
        client,
        "/admin/contests/contest/add/",
        **WORDS,
        registration="domain",
        organiser_names="nobody-here",
        **{
            "phases-0-starts_at_0": "2026-12-02",
            "phases-0-starts_at_1": "10:00",
            "phases-0-ends_at_0": "2026-12-01",
            "phases-0-ends_at_1": "10:00",
            "phases-0-daily_limit": "0",
        },
    )
    assert not Contest.objects.exists()
    assert "Name at least one domain" in page.text
    assert "no account with this username: nobody-here" in page.text
    assert "The end must be after the start." in page.text
    assert "At least 1." in page.text
    assert 'value="2026-12-01"' in page.html
    assert "Which vineyard?" in page.html


def test_a_contest_by_invitation_gets_a_code_and_a_new_one_when_asked(client: Client) -> None:
    contest = open_contest(client, registration="invite")
    first = contest.invite_code
    assert re.fullmatch(r"[a-z2-9]{10}", first)
    path = f"/admin/contests/contest/{contest.pk}/"
    assert first in read(client, f"{path}change/").text
    page = press(client, f"{path}change/", f"{path}invite/")
    contest.refresh_from_db()
    assert contest.invite_code != first
    assert contest.invite_code in page.text


def test_phases_that_overlap_are_allowed_and_said(client: Client) -> None:
    contest = open_contest(client)
    page = fill_in(
        client,
        f"/admin/contests/contest/{contest.pk}/change/",
        **{
            "phases-TOTAL_FORMS": "2",
            "phases-1-id": "",
            "phases-1-contest": str(contest.pk),
            "phases-1-title": "Second",
            "phases-1-starts_at_0": "2026-12-01",
            "phases-1-starts_at_1": "10:00",
            "phases-1-daily_limit": "5",
        },
    )
    assert [phase.position for phase in contest.phases.all()] == [1, 2]
    assert "“Main” and “Second” overlap" in page.text


def test_a_task_is_made_with_its_files_in_one_form(client: Client) -> None:
    contest = open_contest(client)
    page = add_task(
        client,
        contest,
        metric="f1",
        param_f1_average="weighted",
        param_f1_pos_label="yes",
        limit_wall_s="90",
        limit_memory_mb="1024",
    )
    version = TaskVersion.objects.get(task__phase__contest=contest)
    assert page.path == f"/admin/contests/task/{version.task_id}/change/"
    assert (version.metric, version.metric_params) == ("f1", {"average": "weighted", "pos_label": "yes"})
    assert version.limits["wall_s"] == 90
    assert version.limits["memory_mb"] == 1024
    assert version.target_columns == ["target"]
    assert (version.environment.name, version.pool.slug, version.scoring_environment.name) == (
        "python",
        "cpu",
        "scoring",
    )
    assert version.public_share is None
    assert [f.name for f in version.files.all()] == sorted(builders.DATA_FILES)
    assert version.files.get(name="train.csv").blob_id[:12] in page.text
    assert "train.csv" in page.text
    assert "not checked yet" in page.text


def test_podium_draws_the_public_rows_when_asked(client: Client) -> None:
    add_task(client, open_contest(client), split="draw", public_share="40", split_seed="7")
    version = TaskVersion.objects.get()
    assert (version.public_share, version.split_seed) == (40, 7)


def test_a_task_with_mistakes_is_not_made_and_says_them_all(client: Client) -> None:
    page = add_task(
        client,
        open_contest(client),
        target_columns="target, other",
        metric="accuracy",
        limit_memory_mb="0",
        data_files=[file("bad name.csv", b"x"), file("solution.csv", b"y")],
    )
    assert page.status == 400
    assert not TaskVersion.objects.exists()
    assert "greater than or equal to 1" in page.text
    assert "Please choose the files again" in page.text
    assert "“bad name.csv” cannot be the name of a data file" in page.text
    assert "must not be called solution.csv" in page.text
    assert "target, other" in page.html

    page = add_task(client, Contest.objects.get(), target_columns="target, other", metric="accuracy")
    assert "This metric takes one target column." in page.text
    assert not TaskVersion.objects.exists()


def test_saving_a_task_unchanged_makes_no_new_version_and_a_change_after_submissions_does(
    client: Client, ada: User
) -> None:
    contest = open_contest(client)
    add_task(client, contest)
    task = TaskVersion.objects.get().task
    path = f"/admin/contests/task/{task.pk}/change/"
    boards.open_boards(task.phase)
    builders.make_submission(contest, make_user("bob"), status="FINISHED")
    assert "new version" not in fill_in(client, path).text
    page = fill_in(client, path, limit_wall_s="30")
    assert "There are submissions already, so this is a new version (2)" in page.text
    assert "1 submission was judged by an earlier version only." in page.text
    assert [v.active for v in task.versions.order_by("number")] == [False, True]
    answer = read(client, f"/admin/contests/submission/rejudge/{task.phase_id}/")
    assert "1 submission of “Main” will be judged again" in answer.text


def test_a_file_is_removed_only_after_a_confirmation(client: Client) -> None:
    add_task(client, open_contest(client))
    version = TaskVersion.objects.get()
    kept = version.files.get(name="train.csv")
    path = f"/admin/contests/task/{version.task_id}/files/{kept.pk}/remove/"
    assert "Contestants will no longer find train.csv" in read(client, path).text
    assert version.files.count() == 3
    press(client, path, path)
    assert version.files.count() == 2


def test_starter_code_is_uploaded_and_marked_as_a_baseline(client: Client) -> None:
    contest = open_contest(client)
    add = f"/admin/contests/startercode/add/?contest={contest.pk}"
    page = fill_in(client, add, file=file("notes.txt", b"x"), title="Notes")
    assert "The name must end in" in page.text
    fill_in(client, add, file=file("baseline.py", b"print(1)"), title="A baseline", baseline="on")
    starter = StarterCode.objects.get()
    assert (starter.name, starter.baseline, starter.contest) == ("baseline.py", True, contest)
    page = fill_in(client, add, file=file("baseline.py", b"print(1)"), title="Again")
    assert "starter code of that name already" in page.text


def test_publishing_is_refused_with_every_reason_and_hiding_asks_first(client: Client) -> None:
    contest = open_contest(client)
    path = f"/admin/contests/contest/{contest.pk}/"
    page = read(client, f"{path}publish/")
    assert "It cannot be published yet: The contest has no task." in page.text
    add_task(client, contest)
    assert "was never checked" in read(client, f"{path}publish/").text
    contest.published = True
    contest.save()
    assert "Nothing is deleted" in read(client, f"{path}hide/").text
    press(client, f"{path}hide/", f"{path}hide/")
    contest.refresh_from_db()
    assert not contest.published


def test_who_takes_their_own_name_off_loses_the_contest_and_nobody_leaves_it_alone(client: Client) -> None:
    make_user("grace")
    contest = open_contest(client)
    path = f"/admin/contests/contest/{contest.pk}/change/"
    assert "A contest needs at least one organiser." in fill_in(client, path, organiser_names="").text
    page = fill_in(client, path, organiser_names="grace")
    assert page.path == "/admin/contests/contest/"
    assert [user.username for user in contest.organisers.all()] == ["grace"]
    assert client.get(path).status_code == 404


def test_a_phase_with_a_task_is_kept_and_one_sentence_says_why(client: Client) -> None:
    contest = open_contest(client)
    add_task(client, contest)
    path = f"/admin/contests/contest/{contest.pk}/change/"
    page = fill_in(client, path, **{"phases-0-DELETE": "on"})
    assert "has a task. Delete the task first, on its own page." in page.text
    assert "protected related objects" not in page.text
    assert contest.phases.count() == 1


def test_a_phase_without_a_task_is_deleted(client: Client) -> None:
    contest = open_contest(client)
    fill_in(client, f"/admin/contests/contest/{contest.pk}/change/", **{"phases-0-DELETE": "on"})
    assert contest.phases.count() == 0


def test_a_new_task_of_a_published_contest_is_shown_as_the_draft_it_is(client: Client) -> None:
    contest = open_contest(client)
    Contest.objects.filter(pk=contest.pk).update(published=True)
    assert "this is a draft" in add_task(client, contest).text
    assert not TaskVersion.objects.get(task__phase__contest=contest).active
    page = read(client, f"/admin/contests/contest/{contest.pk}/change/")
    assert "Add its task" not in page.text
    assert "not checked yet" in page.text


def test_a_link_that_names_no_phase_is_no_fault(client: Client) -> None:
    assert client.get("/admin/contests/task/add/", {"phase": "9" * 5000}).status_code == 200
