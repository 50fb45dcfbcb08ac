"""Every page under its policy, and every attack on a page, in a real browser that says what it blocks or runs.

The site is Django's own test server over this process's database: the same middleware, templates and static files.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, Dialog, Error, Request
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from contests.models import Contest
from judge.models import Run
from runners.notebook.bundle import PAGE
from tests.builders import make_contest, make_submission, make_user
from tests.e2e.browser import Window, chromium
from tests.security.payloads import PAYLOADS
from tests.security.site_of_roles import ROLES, Site
from tests.security.test_access_matrix import table

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
]
TELL = """document.addEventListener("securitypolicyviolation", (event) =>
    console.error("policy: " + event.violatedDirective + " " + event.blockedURI + " " + event.sample));"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Playwright runs an event loop in this thread, beside which Django refuses its database; nothing here is async.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with chromium() as started:
            yield started


@pytest.fixture(autouse=True)
def _unlimited(settings: Settings) -> None:
    settings.API_RATES = dict.fromkeys(settings.API_RATES, 0)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


def window_of(browser: Browser, live_server: LiveServer, user: User | None) -> Window:
    window = Window(browser, live_server.url)
    window.context.add_init_script(TELL)
    # Django's test server has no live hub in front of it; a stream that says nothing is as good for a policy.
    window.context.route(
        "**/live/**", lambda route: route.fulfill(content_type="text/event-stream", body=": \n\n")
    )
    if user is not None:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        value = client.cookies["sessionid"].value
        window.context.add_cookies([{"name": "sessionid", "value": value, "url": live_server.url}])
    return window


@pytest.mark.parametrize("name", ["anonymous", "contestant", "root"])
def test_no_page_breaks_its_policy(browser: Browser, live_server: LiveServer, name: str) -> None:
    site = Site()
    window = window_of(browser, live_server, site.people.get(name))
    seen = 0
    for row in table():
        api = row.route.startswith(("/api/v1/", "/api/schema", "/runner"))
        if row.method != "GET" or api or row.cells[0][list(ROLES.values()).index(name)] != "+":
            continue
        address = site.shown.address(row.route)
        answer = window.context.request.get(address)
        if answer.status != 200 or not answer.headers["content-type"].startswith("text/html"):
            continue
        window.page.goto(address)
        seen += 1
        assert window.complaints == [], (address, window.complaints)
    assert seen > 15


def attacked(payload: str, number: int, victim: User) -> tuple[Contest, str]:
    """A contest and a submission with the payload wherever a stranger's words are shown."""
    contest = make_contest(
        f"attack-{number}",
        title=payload[:120],
        summary=payload[:300],
        description=payload,
        evaluation=payload,
        data_description=payload,
        licence=payload[:200],
        starters={"baseline.py": payload.encode()},
    )
    contest.organisers.add(victim)
    submission = make_submission(
        contest,
        make_user(f"attacker-{number}", display_name=payload[:60]),
        kind="notebook",
        status="FINISHED",
        filename=payload[:200] + ".ipynb",
        note=payload[:300],
        log=payload.encode() + b"\n\x1b]8;;javascript:window.top.hacked=1\x07link\x1b]8;;\x07\n",
        files={"notebook.ipynb": b"{}", PAGE: payload.encode(), "submission.csv": b"id,target\n"},
        errors=[{"code": "custom", "params": {}, "message": payload[:300]}],
    )
    Run.objects.filter(submission=submission).update(
        errors=[{"code": "custom", "params": {"message": payload[:300]}, "message": payload[:300]}]
    )
    return contest, f"/submissions/{submission.pk}/"


def test_no_attack_runs_loads_or_leads_away(browser: Browser, live_server: LiveServer) -> None:
    victim = make_user("victim")
    window = window_of(browser, live_server, victim)
    asked: list[str] = []
    said: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((live_server.url, "data:", "blob:", "about:")):
            asked.append(request.url)

    def dismiss(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    window.context.on("request", note)
    window.page.on("dialog", dismiss)
    for number, payload in enumerate(PAYLOADS):
        contest, own = attacked(payload, number, victim)
        sections = ("", "evaluation/", "starter/", "leaderboard/") if number % 4 == 0 else ("",)
        pages = [
            *(f"/contests/{contest.slug}/{section}" for section in sections),
            own,
        ]  # which frames the notebook
        if number % 4 == 0:
            pages.append(f"{own}notebook/")
        for address in pages:
            answer = window.page.goto(address)
            assert answer is not None
            assert answer.status == 200, (address, payload)
            assert window.page.url == f"{live_server.url}{address}", payload
            if not address.endswith("notebook/"):  # no script runs there, not even one that looks
                assert window.page.evaluate("window.hacked") is None, (address, payload)
            assert (asked, said) == ([], []), (address, payload)
            assert window.complaints == [], (address, payload, window.complaints)
        Contest.objects.filter(pk=contest.pk).update(
            published=False
        )  # its words would be on the home page for ever


def test_the_home_page_and_lists_show_attackers_names_as_text(
    browser: Browser, live_server: LiveServer
) -> None:
    root = make_user("root", staff=True)
    for number, payload in enumerate(PAYLOADS[::5]):
        attacked(payload, number, root)
    window = window_of(browser, live_server, root)
    for address in (
        "/",
        "/submissions/",
        "/admin/contests/contest/",
        "/admin/contests/submission/",
        "/admin/contests/participation/",
        "/admin/accounts/user/",
        "/admin/leaderboard/score/",
        "/admin/contests/startercode/",
    ):
        window.page.goto(address)
        assert window.page.evaluate("window.hacked") is None, address
        assert window.complaints == [], (address, window.complaints)


def test_the_browser_would_tell_of_a_blocked_script(browser: Browser, live_server: LiveServer) -> None:
    """Else the tests above would pass in a browser that says nothing."""
    window = window_of(browser, live_server, None)
    window.page.goto("/")
    window.page.evaluate(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'https://evil.example/'}))"
    )
    window.page.wait_for_function("document.images.length > 0")
    assert any("img-src" in text for text in window.complaints)
    for attack in (
        "document.body.innerHTML = '<p>x</p>'",
        "document.body.setAttribute('onclick', 'hacked = 1')",
    ):
        with pytest.raises(Error, match="Trusted"):
            window.page.evaluate(attack)
