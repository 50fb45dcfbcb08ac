"""The operator's notice: a banner on every page, closed doors when it says so, and the public status page."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from contests.models import Contest, Submission
from judge import operating
from judge.models import Job
from operations import health, notices
from operations.kept import Kept
from operations.models import Notice
from tests.builders import (
    make_api_token,
    make_host,
    make_pool,
    make_submission,
    pool_token,
)
from tests.pages.reading import read, signed_in
from tests.valkey import running_valkey

pytestmark = pytest.mark.django_db
BACK = "The database moves. Back at 14:00 UTC."
BACK_ZH = "数据库搬迁，14:00（UTC）恢复。"


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "KEPT_S", -1.0)


@pytest.fixture(autouse=True)
def broker(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[None]:
    with running_valkey(tmp_path_factory.mktemp("v")) as url:
        settings.REDIS_URL = url
        yield


def maintenance(*words: str) -> str:
    said = io.StringIO()
    call_command("maintenance", *words, stdout=said)
    return said.getvalue()


@pytest.mark.parametrize(("language", "message"), [("en", BACK), ("zh-hans", BACK_ZH)])
def test_every_page_shows_the_banner_in_the_readers_language(
    contest: Contest, alice: User, language: str, message: str
) -> None:
    maintenance("on", BACK, "--zh", BACK_ZH, "--banner")
    for path in ("/", "/contests/digits/", "/status/", "/submissions/"):
        page = read(signed_in(alice, language=language), path)
        assert message in page.text
        assert page.faults() == []
    maintenance("off")
    assert message not in read(signed_in(alice, language=language), "/").text


def test_the_administration_shows_it_too(staff: User) -> None:
    maintenance("on", BACK, "--zh", BACK_ZH)
    page = signed_in(staff, language="zh-hans").get("/admin/").content.decode()
    assert BACK_ZH in page
    maintenance("off")
    assert BACK_ZH not in signed_in(staff, language="zh-hans").get("/admin/").content.decode()


def test_a_banner_alone_closes_nothing(contest: Contest, alice: User) -> None:
    maintenance("on", BACK, "--banner")
    client = Client(headers={"Authorization": f"Token {make_api_token(alice)}"})
    answer = client.post("/api/v1/contests/digits/submissions/", {})
    assert answer.status_code == 400


def test_while_read_only_an_upload_is_refused_with_words_and_a_time(contest: Contest, alice: User) -> None:
    maintenance("on", BACK, "--zh", BACK_ZH)
    token = {"Authorization": f"Token {make_api_token(alice)}"}
    answer = Client(headers=token).post("/api/v1/contests/digits/submissions/", {})
    assert (answer.status_code, answer["Retry-After"]) == (503, "300")
    assert answer.json()["code"] == "read_only"
    assert answer.json()["detail"].startswith(BACK)
    chinese = Client(headers=token | {"Accept-Language": "zh-hans"})
    assert BACK_ZH in chinese.post("/api/v1/contests/digits/submissions/", {}).json()["detail"]
    page = signed_in(alice).post("/contests/digits/submit/", {})
    assert (page.status_code, page["Retry-After"]) == (503, "300")
    assert BACK in page.content.decode()
    assert Submission.objects.count() == 0


@pytest.mark.parametrize(
    "path",
    ["/contests/digits/join/", "/accounts/signup/", "/accounts/profile/", "/admin/contests/contest/add/"],
)
def test_while_read_only_nothing_else_is_changed_either(contest: Contest, staff: User, path: str) -> None:
    maintenance("on", BACK)
    assert signed_in(staff).post(path, {}).status_code == 503


def test_while_read_only_pages_are_read_people_sign_in_and_hosts_go_on(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice)
    make_pool("cpu")
    maintenance("on", BACK)
    for path in ("/", f"/submissions/{submission.pk}/", "/contests/digits/leaderboard/"):
        assert BACK in read(signed_in(alice), path).text
    assert Client().post("/accounts/login/", {"login": "alice", "password": "wrong"}).status_code == 200
    host = Client(headers={"Authorization": f"Bearer {pool_token('cpu')}"})
    claimed = host.post(
        "/runner/v1/claim",
        {"protocol": 1, "host": "h1", "environments": [], "building": {}},
        content_type="application/json",
    )
    assert claimed.status_code != 503


def test_the_administrator_can_open_the_doors_again(contest: Contest, staff: User) -> None:
    maintenance("on", BACK)
    client = Client()
    client.force_login(staff)
    shown = Notice.objects.get(current=True)
    answer = client.post(
        "/admin/operations/notice/", {"action": "take_down", "_selected_action": [shown.pk]}, follow=True
    )
    assert answer.status_code == 200
    assert notices.current(kept_s=0) is None


def test_whoever_is_signed_in_may_leave_by_either_door(staff: User) -> None:
    maintenance("on", BACK)
    for path in ("/accounts/logout/", "/admin/logout/"):
        client = Client()
        client.force_login(staff)
        assert client.post(path).status_code in {200, 302}
        assert "_auth_user_id" not in client.session


def test_a_notice_added_in_the_admin_takes_the_place_of_the_one_before(staff: User) -> None:
    maintenance("on", BACK)
    client = Client()
    client.force_login(staff)
    answer = client.post(
        "/admin/operations/notice/add/", {"message": "A disk is full.", "message_zh": "", "read_only": ""}
    )
    assert answer.status_code == 302
    shown = notices.current(kept_s=0)
    assert shown is not None
    assert (shown.message, shown.read_only) == ("A disk is full.", False)
    assert [past.message for past in notices.past()] == [BACK]


def test_organisers_cannot_speak_for_the_site(contest: Contest, alice: User) -> None:
    contest.organisers.add(alice)
    client = signed_in(alice)
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/operations/notice/add/").status_code == 403


def test_the_command_says_what_is_and_refuses_silence() -> None:
    assert "The site is open." in maintenance("show")
    assert f"read-only since {timezone.now():%Y-%m-%d}" in maintenance("on", BACK)
    assert "The banner is down." in maintenance("off")
    assert "There was no banner." in maintenance("off")
    with pytest.raises(CommandError, match="Say what is going on"):
        maintenance("on")


def test_another_process_follows_within_two_seconds() -> None:
    at = [0.0]
    kept = Kept(notices._shown, clock=lambda: at[0])
    assert kept.get(2.0) is None
    Notice.objects.create(message=BACK)
    at[0] = 1.9
    assert kept.get(2.0) is None
    at[0] = 2.1
    assert getattr(kept.get(2.0), "message", None) == BACK


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_status_page_is_public_and_says_that_all_is_well(contest: Contest, language: str) -> None:
    for slug in ("cpu", "scoring"):
        make_host(make_pool(slug))
    page = read(signed_in(None, language=language), "/status/")
    assert page.text.count("cpu 1 0 0") == 1
    assert language != "en" or "Everything works." in page.text
    assert page.faults() == []
    assert page.all("html")[0]["lang"] == language


def test_the_status_page_tells_the_queue_its_age_and_the_hosts(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice)
    Job.objects.filter(run__submission=submission).update(queued_at=timezone.now() - dt.timedelta(minutes=3))
    page = read(signed_in(None), "/status/")
    assert "some wait because no runner host of their pool is up" in page.text
    assert "cpu 0 0 1 3 minutes" in page.text
    assert "alice" not in page.text


def test_the_status_page_tells_that_some_wait_for_a_held_pool(contest: Contest, alice: User) -> None:
    pool = make_pool("cpu")
    make_host(pool)
    operating.hold(pool, by=None)
    assert "wait because" not in read(signed_in(None), "/status/").text
    make_submission(contest, alice)
    page = read(signed_in(None), "/status/")
    assert "some wait because their pool is held" in page.text
    assert "cpu (held) 1 0 1" in page.text


def test_the_status_page_tells_what_is_broken_and_what_was(contest: Contest, settings: Settings) -> None:
    maintenance("on", BACK)
    maintenance("off")
    settings.PODIUM_DISK_LOW_MB = 1 << 40
    page = read(signed_in(None), "/status/")
    assert "Something is broken" in page.text
    assert "File store: does not work" in page.text
    assert BACK in page.text
    assert str(settings.VAR) not in page.html
