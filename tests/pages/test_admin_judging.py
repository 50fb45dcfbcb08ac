"""What an organiser does with the judge from the admin: check, try out, judge again, call back, delete, copy."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from contests import publishing
from contests.models import Check, Contest, Submission, Task
from judge.models import Job
from tests.builders import (
    make_contest,
    make_environment,
    make_host,
    make_organiser,
    make_pool,
    make_starter,
    make_submission,
    make_user,
    phase_of,
    task_version_of,
)
from tests.pages.admin_forms import Answer, fill_in, press
from tests.pages.reading import read, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def hidden(db: None) -> Contest:
    return make_contest("wine", title="Wine", published=False)


@pytest.fixture
def client(hidden: Contest) -> Client:
    ada = make_organiser("ada")
    hidden.organisers.add(ada)
    return signed_in(ada)


def page_of(contest: Contest) -> str:
    return f"/admin/contests/contest/{contest.pk}/change/"


def start_check(client: Client, contest: Contest) -> Answer:
    task = task_version_of(contest).task
    return press(client, page_of(contest), f"/admin/contests/check/start/{task.pk}/")


def checked(contest: Contest, **fields: object) -> Check:
    version = task_version_of(contest)
    return Check.objects.create(
        task_version=version, digest=publishing.fingerprint(version), **{"status": "GREEN", **fields}
    )


def choose(client: Client, action: str, *submissions: Submission) -> Answer:
    path = "/admin/contests/submission/"
    chosen = [str(submission.pk) for submission in submissions]
    return fill_in(client, path, action=action, _selected_action=chosen)


def test_the_button_starts_one_check_and_its_page_follows_it(client: Client, hidden: Contest) -> None:
    make_starter(hidden, "baseline.py").__class__.objects.update(baseline=True)
    page = start_check(client, hidden)
    check = Check.objects.get()
    assert page.path == f"/admin/contests/check/{check.pk}/change/"
    assert "waits for a free runner" in page.text
    assert 'data-refresh="2"' in page.html
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page.html
    assert Job.objects.filter(task_check=check).count() == 1
    trial = check.trials.get()
    assert f"/submissions/{trial.pk}/" in page.html
    assert client.get(f"/submissions/{trial.pk}/").status_code == 200
    assert client.get(f"/admin/contests/check/start/{task_version_of(hidden).task_id}/").status_code == 405


def test_a_check_says_what_it_waits_for(client: Client, hidden: Contest) -> None:
    version = task_version_of(hidden)
    make_starter(hidden, "baseline.py").__class__.objects.update(baseline=True)
    start_check(client, hidden)
    path = f"/admin/contests/check/{Check.objects.get().pk}/change/"
    assert "No runner is connected at the moment" in read(client, path).text
    other = make_environment("torch")
    make_host(make_pool("scoring", trusted=True), environments=[version.scoring_environment])
    host = make_host(make_pool("cpu"), environments=[other])
    assert "“python”, which no runner has and none is building" in read(client, path).text
    host.building = {"python": {"percent": 40, "step": "pip", "error": ""}}
    host.save()
    assert "“python”, which is being built: 40 % done" in read(client, path).text
    host.environments = [version.environment.identifier]
    host.save()
    assert "“python”" not in read(client, path).text


def test_all_mistakes_are_listed_at_once_with_a_way_to_mend_each(client: Client, hidden: Contest) -> None:
    check = checked(
        hidden,
        status="RED",
        findings=[
            {"code": "target_in_test", "params": {"file": "test.csv", "column": "target"}, "message": "x"},
            {"code": "baseline_runtime_error", "params": {"file": "baseline.py"}, "message": "y"},
            {"code": "from-the-future", "params": {}, "message": "Words of a newer checker."},
        ],
    )
    page = read(client, f"/admin/contests/check/{check.pk}/change/")
    assert "3 mistakes found, all of them listed here." in page.text
    assert "test.csv: Row 1: the header has the target column “target”." in page.text
    assert "Words of a newer checker." in page.text
    assert f"/admin/contests/task/{task_version_of(hidden).task_id}/change/" in page.html
    assert "/admin/contests/startercode/?contest=wine" in page.html


def test_a_green_contest_is_published_by_its_organiser_and_a_changed_one_is_not(
    client: Client, hidden: Contest
) -> None:
    path = f"/admin/contests/contest/{hidden.pk}/publish/"
    checked(hidden)
    make_starter(hidden, "late.py").__class__.objects.update(baseline=True)
    assert "was changed after its last check" in read(client, path).text
    checked(hidden)
    assert "Everybody will see this contest" in read(client, path).text
    assert "Published: everybody sees it now." in press(client, path, path).text
    hidden.refresh_from_db()
    assert hidden.published
    page = read(client, page_of(hidden))
    assert "Fixed: links to a published contest keep working." in page.text


def test_a_change_to_a_published_contest_is_a_draft_until_it_is_put_in_force(
    client: Client, hidden: Contest
) -> None:
    Contest.objects.update(published=True)
    task = Task.objects.get()
    path = f"/admin/contests/task/{task.pk}/"
    page = fill_in(client, f"{path}change/", limit_wall_s="77")
    assert "so this is a draft (version 2)" in page.text
    assert task_version_of(hidden).number == 1
    assert 'value="77"' in page.html
    assert "was never checked" in read(client, f"{path}activate/").text
    draft = task.versions.get(number=2)
    Check.objects.create(task_version=draft, digest=publishing.fingerprint(draft), status="GREEN")
    press(client, f"{path}activate/", f"{path}activate/")
    assert task_version_of(hidden).number == 2


def test_an_organiser_tries_a_file_out_before_the_contest_opens(client: Client, hidden: Contest) -> None:
    task = task_version_of(hidden).task
    path = f"/admin/contests/submission/try/{task.pk}/"
    page = fill_in(client, path, file=SimpleUploadedFile("notes.txt", b"x"))
    assert page.status == 400
    assert "files that end in" in page.text
    fill_in(client, path, file=SimpleUploadedFile("try.py", b"print(1)"))
    submission = Submission.objects.get()
    assert (submission.trial, submission.user.username) == (True, "ada")


def test_chosen_submissions_are_judged_again_or_cancelled(client: Client, hidden: Contest) -> None:
    done = make_submission(hidden, make_user("bob"), status="FINISHED")
    waiting = make_submission(hidden, make_user("carol"))
    page = choose(client, "rejudge", done, waiting)
    assert "1 submission is judged again." in page.text
    assert "“train.py”: This submission is being judged at the moment." in page.text
    assert waiting.runs.count() == 1
    assert done.runs.count() == 2
    assert "1 submission was cancelled." in choose(client, "cancel", waiting).text
    waiting.refresh_from_db()
    assert waiting.status == "CANCELLED"


def test_a_whole_phase_is_judged_again_after_a_confirmation_with_the_number(
    client: Client, hidden: Contest
) -> None:
    for name in ("bob", "carol"):
        make_submission(hidden, make_user(name), status="FINISHED")
    make_submission(hidden, make_user("dave"), status="CANCELLED")
    path = f"/admin/contests/submission/rejudge/{phase_of(hidden).pk}/"
    assert "2 submissions of “Main” will be judged again" in read(client, path).text
    assert "2 submissions are judged again." in press(client, path, path).text


def test_a_contest_is_deleted_while_nobody_handed_in_and_never_after(client: Client, hidden: Contest) -> None:
    path = f"/admin/contests/contest/{hidden.pk}/remove/"
    submission = make_submission(hidden, make_user("bob"), status="FINISHED")
    assert "People have handed in to it" in read(client, path).text
    client.post(path, {"csrfmiddlewaretoken": "x"})
    assert Contest.objects.filter(pk=hidden.pk).exists()

    other = make_contest("other", title="Other", published=False)
    other.organisers.set(hidden.organisers.all())
    make_starter(other, "baseline.py")
    other.starters.update(baseline=True)
    start_check(client, other)
    path = f"/admin/contests/contest/{other.pk}/remove/"
    assert "still under way" in read(client, path).text
    trial = Submission.objects.get(trial=True)
    choose(client, "cancel", trial)
    page = press(client, path, path)
    assert "“Other” is deleted." in page.text
    assert list(Contest.objects.all()) == [hidden]
    assert list(Submission.objects.all()) == [submission]


def test_a_copy_has_the_words_tasks_and_starters_and_no_people(client: Client, hidden: Contest) -> None:
    make_submission(hidden, make_user("bob"), status="FINISHED")
    make_starter(hidden, "baseline.py")
    path = f"/admin/contests/contest/{hidden.pk}/copy/"
    page = press(client, path, path)
    copied = Contest.objects.get(slug="wine-2")
    assert page.path == page_of(copied)
    assert (copied.title, copied.published) == ("Copy of Wine", False)
    assert [f.name for f in task_version_of(copied).files.all()] == [
        f.name for f in task_version_of(hidden).files.all()
    ]
    assert copied.starters.get().name == "baseline.py"
    assert not copied.participations.exists()
    assert not copied.submissions.exists()
    assert [user.username for user in copied.organisers.all()] == ["ada"]
    assert hidden.starters.count() == 1


def test_markdown_is_previewed_clean(client: Client, hidden: Contest) -> None:
    browser = Client()
    browser.force_login(User.objects.get(username="ada"))
    answer = browser.post(
        f"/admin/contests/contest/{hidden.pk}/preview/", {"text": "# Hi\n<script>alert(1)</script>*x*"}
    )
    assert "<em>x</em>" in answer.content.decode()
    assert "<script" not in answer.content.decode()


def test_a_superuser_makes_an_account_that_may_open_contests(hidden: Contest) -> None:
    client = signed_in(make_user("root", staff=True))
    fill_in(
        client,
        "/admin/accounts/user/add/",
        username="grace",
        password1="a-long-enough-phrase",
        password2="a-long-enough-phrase",
        usable_password="true",
    )
    grace = User.objects.get(username="grace")
    page = fill_in(client, f"/admin/accounts/user/{grace.pk}/change/", is_staff=["on"])
    assert page.status == 200
    grace.refresh_from_db()
    assert grace.is_staff
    assert not grace.is_superuser
    assert signed_in(grace).get("/admin/contests/contest/add/").status_code == 200


@pytest.mark.parametrize("path", ["/admin/", "/admin/contests/contest/add/", "/admin/contests/task/add/"])
def test_pages_hold_nothing_that_the_policy_would_block(client: Client, path: str) -> None:
    faults = read(client, path).faults()
    assert [
        fault for fault in faults if "attribute in" in fault or "inline" in fault or "<style>" in fault
    ] == []


def test_the_contests_page_checks_what_is_in_force_and_the_tasks_page_its_draft(
    client: Client, hidden: Contest
) -> None:
    Contest.objects.update(published=True)
    task = Task.objects.get()
    fill_in(client, f"/admin/contests/task/{task.pk}/change/", limit_wall_s="77")
    Contest.objects.update(published=False)
    start = f"/admin/contests/check/start/{task.pk}/"
    press(client, page_of(hidden), start)
    press(client, f"/admin/contests/task/{task.pk}/change/", start)
    assert sorted(check.task_version.number for check in Check.objects.all()) == [1, 2]
