"""The scripts in a real browser, under a strict content security policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from live import tokens
from live.publish import Publisher
from tests.live.client import SECRET, Broker, HubProcess, StartHub
from tests.live.pages import CONFIRM
from tests.stack import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.once]

TOPIC = "submission.abc"
WAIT_MS = 40_000  # a snapshot may wait 2 s by design, a reconnection several; a busy machine takes its time
SAY_EVERY_MS = 10_000  # as in static/js/board.js
MARKUP = "<img src=x onerror=alert(1)>"


def row(team: int, rank: int, name: str, score: float = 0.9) -> list[Any]:
    return [team, rank, name, score, 2, "2026-11-21T21:00:00.5+00:00"]


def entry(team: int, rank: int, name: str, score: float = 0.9) -> dict[str, Any]:
    keys = ("team_id", "rank", "name", "score", "submissions", "last_improved_at")
    return dict(zip(keys, row(team, rank, name, score), strict=True))


class State:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._all: dict[str, Any] = {}
        token = tokens.sign(SECRET, TOPIC, 3600)
        self.set(
            snapshot={"epoch": 1, "version": 1, "entries": []},
            submission={
                "topic": TOPIC,
                "token": token,
                "status": "QUEUED",
                "queue": "",
                "result": "",
                "cancel": "",
            },
            log="",
        )

    def set(self, **parts: Any) -> None:
        self._all |= parts
        written = self.path.with_suffix(".new")
        written.write_text(json.dumps(self._all))
        written.rename(self.path)

    def submission(self, **parts: Any) -> None:
        self.set(submission=self._all["submission"] | parts)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state.json")


@pytest.fixture
def site(start_hub: StartHub, state: State) -> HubProcess:
    return start_hub(pages=str(state.path))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    page.on("dialog", lambda _: pytest.fail("a contestant's name was run as markup"))
    yield page
    page.close()


def expect_names(page: Page, *wanted: str) -> None:
    expect(page.locator("td.board-name")).to_have_text(list(wanted), timeout=WAIT_MS)


def open_board(page: Page, site: HubProcess, publisher: Publisher) -> None:
    publisher.publish("board.1", 1, 1, "board", {"v": 1})
    page.goto(f"http://127.0.0.1:{site.port}/board")
    expect(page.locator("[data-live-state=live] [data-live-text]")).to_have_text("Live")


def test_a_board_applies_deltas_without_a_reload(page: Page, site: HubProcess, publisher: Publisher) -> None:
    open_board(page, site, publisher)
    publisher.publish(
        "board.1",
        1,
        2,
        "board",
        {"v": 2, "changed": [row(8, 1, MARKUP), row(7, 2, "Ada", 0.5)], "removed": []},
    )
    expect_names(page, f"{MARKUP} you", "Ada")
    expect(page.locator("tr[data-team='8']")).to_have_class("is-own is-changed")
    assert page.locator("td.board-score").all_inner_texts() == ["0.900", "0.500"]
    publisher.publish("board.1", 1, 3, "board", {"v": 3, "changed": [], "removed": [8, 7]})
    expect_names(page)
    expect(page.locator("[data-board-empty]")).to_be_visible()


def test_a_board_shows_only_its_page(page: Page, site: HubProcess, publisher: Publisher) -> None:
    open_board(page, site, publisher)
    changed = [row(team, rank, f"team {team}") for rank, team in enumerate((9, 10, 11), 2)]
    publisher.publish("board.1", 1, 2, "board", {"v": 2, "changed": changed, "removed": []})
    expect_names(page, "Ada", "team 9", "team 10")


def test_a_tick_makes_a_board_fetch_the_snapshot(
    page: Page, site: HubProcess, publisher: Publisher, state: State
) -> None:
    open_board(page, site, publisher)
    state.set(snapshot={"epoch": 1, "version": 2, "entries": [entry(9, 1, "Grace"), entry(7, 2, "Ada", 0.5)]})
    publisher.publish("board.1", 1, 2, "board", {"v": 2})
    expect_names(page, "Grace", "Ada")


def test_a_board_recovers_from_a_broker_that_lost_everything(
    page: Page, site: HubProcess, publisher: Publisher, state: State, broker: Broker
) -> None:
    open_board(page, site, publisher)
    state.set(snapshot={"epoch": 1, "version": 5, "entries": [entry(9, 1, "Grace")]})
    broker.kill()
    broker.start()
    expect_names(page, "Grace")


def test_a_board_returns_after_the_site_was_restarted(
    page: Page, site: HubProcess, publisher: Publisher, start_hub: StartHub, state: State
) -> None:
    open_board(page, site, publisher)
    site.terminate()
    site.process.wait()
    expect(page.locator("[data-live-state=reconnecting] [data-live-text]")).to_have_text("Trying")
    state.set(snapshot={"epoch": 1, "version": 2, "entries": [entry(9, 1, "Grace")]})
    publisher.publish("board.1", 1, 2, "board", {"v": 2})
    start_hub(pages=str(state.path), port=site.port)
    expect_names(page, "Grace")
    expect(page.locator("[data-live-state=live]")).to_be_visible()


def test_a_change_of_ranks_is_said_once_in_a_while_and_the_last_in_the_end(
    page: Page, site: HubProcess, publisher: Publisher
) -> None:
    page.clock.install()
    open_board(page, site, publisher)
    said = page.locator("[aria-live=polite]")
    page.clock.pause_at(page.evaluate("Date.now() + 100"))

    def shows(version: int, changed: list[list[Any]], removed: list[int]) -> None:
        data = {"v": version, "changed": changed, "removed": removed}
        publisher.publish("board.1", 1, version, "board", data)
        expect(page.locator("tr[data-team='9'] .rank")).to_have_text(str(changed[0][1]), timeout=WAIT_MS)

    for version in (2, 3):
        shows(version, [row(9, version, "Grace", 0.4)], [])
    expect(said).to_have_text("")
    page.clock.run_for(SAY_EVERY_MS)
    expect(said).to_have_text("Grace is now at rank 3.")
    shows(4, [row(9, 4, "Grace", 0.4), row(11, 3, "Linus", 0.4)], [])
    shows(5, [row(9, 3, "Grace", 0.4)], [11])  # who has left is at no rank
    page.clock.run_for(SAY_EVERY_MS - 1)
    expect(said).to_have_text("Grace is now at rank 3.")
    shows(6, [row(9, 2, "Grace", 0.4)], [])
    page.clock.run_for(1)
    expect(said).to_have_text("Grace is now at rank 2.")


def open_submission(page: Page, site: HubProcess) -> None:
    page.goto(f"http://127.0.0.1:{site.port}/submission")
    expect(page.locator("[data-submission][data-live-state=live]")).to_be_attached()


def test_a_submission_shows_queue_log_and_result_without_a_reload(
    page: Page, site: HubProcess, publisher: Publisher, state: State
) -> None:
    publisher.publish_next(TOPIC, "status", {"status": "QUEUED", "verdict": "", "queue_position": 3})
    open_submission(page, site)
    page.evaluate("window.notReloaded = true")
    state.submission(queue="Place 2")  # as the site does: the page fetched anew says what the event says
    publisher.publish_next(TOPIC, "status", {"status": "QUEUED", "verdict": "", "queue_position": 2})
    expect(page.locator("#queue-position")).to_have_text("Place 2")
    state.submission(status="RUNNING", queue="")
    publisher.publish_next(TOPIC, "status", {"status": "RUNNING", "verdict": "", "queue_position": None})
    expect(page.locator("#status-badge")).to_have_text("RUNNING")
    log = f"训练 1%\r训练 50%\r训练 100%\n{MARKUP}\n\x1b[31mred\x1b[0m"
    state.set(log=log)
    cut = len("训练 1%\r训练".encode())
    for start, end in ((0, cut), (cut, len(log.encode()))):
        text = log.encode()[start:end].decode()
        publisher.publish_next(TOPIC, "log", {"offset": start, "text": text, "end": end})
    expect(page.locator("#log")).to_have_text(f"训练 100%\n{MARKUP}\nred")
    state.submission(status="FINISHED", result="scored 0.97")
    publisher.publish_next(TOPIC, "status", {"status": "FINISHED", "verdict": "SCORED"})
    expect(page.locator("#submission-result")).to_have_text("scored 0.97")
    assert page.evaluate("window.notReloaded") is True


def test_an_open_confirmation_stays_as_it_is_while_the_page_moves(
    page: Page, site: HubProcess, publisher: Publisher, state: State
) -> None:
    def tells(meaning: str, token: str, **parts: str) -> None:
        state.submission(cancel=CONFIRM.format(meaning=meaning, token=token), **parts)
        event = {"status": parts["status"], "verdict": "", "stage": token, "queue_position": None}
        publisher.publish_next(TOPIC, "status", event)

    state.submission(cancel=CONFIRM.format(meaning="It costs nothing.", token="a"), status="QUEUED")
    open_submission(page, site)
    page.get_by_text("Cancel").click()
    page.locator("[name=why]").fill("too slow")
    page.get_by_role("button", name="Yes").focus()
    page.evaluate(
        """() => {
            window.pressed = document.activeElement;
            getSelection().selectAllChildren(document.getElementById("meaning"));
            window.heard = 0;
            new MutationObserver((all) => { window.heard += all.length; }).observe(
                document.querySelector("[role=status]"),
                { subtree: true, childList: true, characterData: true });
        }"""
    )
    for token in ("b", "c", "d"):  # fresh tokens, as each answer of the site has
        tells("It costs nothing.", token, status="QUEUED")
        expect(page.locator("[name=token]")).to_have_value(token, timeout=WAIT_MS)
    assert page.evaluate("getSelection().toString()") == "It costs nothing."
    assert page.evaluate("window.heard") == 0, "nothing of it is read out again"
    tells("It counts.", "e", status="RUNNING")
    expect(page.locator("#meaning")).to_have_text("It counts.")
    expect(page.locator("#meaning")).to_be_visible()
    expect(page.locator("[name=why]")).to_have_value("too slow")
    assert page.evaluate("document.activeElement === window.pressed && window.pressed.isConnected")
    expect(page.locator("#status-badge")).to_have_text("RUNNING")
    state.submission(status="CANCELLED", cancel="")
    publisher.publish_next(TOPIC, "status", {"status": "CANCELLED", "verdict": ""})
    expect(page.get_by_role("button", name="Yes")).to_have_count(0)


def test_a_gap_in_the_log_is_fetched(
    page: Page, site: HubProcess, publisher: Publisher, state: State
) -> None:
    state.submission(status="RUNNING")
    state.set(log="one\n")
    open_submission(page, site)
    expect(page.locator("#log")).to_have_text("one")
    state.set(log="one\ntwo\nthree\n")
    publisher.publish_next(TOPIC, "log", {"offset": 4, "text": "two\n", "end": 8})
    publisher.publish_next(TOPIC, "log", {"offset": 9, "text": "hree\n", "end": 14})
    expect(page.locator("#log")).to_have_text("one\ntwo\nthree\n")


def test_a_page_with_a_dead_token_reloads_once(page: Page, site: HubProcess, state: State) -> None:
    state.submission(token=tokens.sign(SECRET, TOPIC, -1))
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    with page.expect_event("load", predicate=lambda _page: len(loads) == 2):
        page.goto(f"http://127.0.0.1:{site.port}/submission")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].type") == "reload"
    expect(page.locator("#status-badge")).to_have_text("QUEUED")
    renewed = "Number(sessionStorage.getItem('live-renewed:submission.abc')) > performance.timeOrigin"
    eventually(lambda: page.evaluate(renewed), what="it knows that it was loaded anew")
    assert len(loads) == 2
