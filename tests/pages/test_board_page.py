"""The leaderboard as a page."""

from __future__ import annotations

import pytest

from accounts.models import User
from contests.models import Contest
from tests.builders import fill_board, make_contest, make_submission
from tests.pages.reading import queries, read, signed_in

ADDRESS = "/contests/digits/leaderboard/"


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}?page=2"])
def test_the_page_costs_the_same_at_10_and_at_300_entries(
    contest: Contest, alice: User, address: str
) -> None:
    make_submission(contest, alice, status="FINISHED", public_score=1.0)
    client = signed_in(alice)
    fill_board(contest, 10 if address == ADDRESS else 110)
    few = queries(client, address)
    fill_board(contest, 290, best=0.9)
    assert queries(client, address) == few
    assert few <= 15


def test_names_are_text(contest: Contest, alice: User) -> None:
    submission = make_submission(contest, alice, status="FINISHED", public_score=0.5)
    submission.team.name = "<img src=x onerror=alert(1)>"
    submission.team.save()
    page = read(signed_in(None), ADDRESS)
    assert "<img" not in page.html
    assert "<img src=x onerror=alert(1)>" in page.text


def test_the_own_row_is_marked(contest: Contest, alice: User, bob: User) -> None:
    make_submission(contest, alice, status="FINISHED", public_score=0.5)
    make_submission(contest, bob, status="FINISHED", public_score=0.6)
    page = read(signed_in(alice), ADDRESS)
    own = [row for row in page.all("tr") if row.get("class") == "is-own"]
    assert len(own) == 1
    assert "alice you 0.50000" in page.text
    assert not [row for row in read(signed_in(None), ADDRESS).all("tr") if row.get("class")]


def test_the_own_standing_is_told_when_it_is_on_another_page(contest: Contest, alice: User) -> None:
    fill_board(contest, 120)
    make_submission(contest, alice, status="FINISHED", public_score=0.001)
    client = signed_in(alice)
    assert "You stand at rank 121 with 0.00100 ." in read(client, ADDRESS).text
    assert client.get(f"{ADDRESS}own/").json() == {"own": {"rank": 121, "score": 0.001}}
    second = read(client, f"{ADDRESS}?page=2")
    assert (
        next(given for _tag, given in second.elements if "data-board-own" in given).get("hidden", "") is None
    )
    assert len([row for row in second.all("tr") if "data-team" in row]) == 21


def test_pages_hold_100_rows_and_ties_share_a_rank_across_them(contest: Contest) -> None:
    fill_board(contest, 130, best=0.5, step=0.0)
    second = read(signed_in(None), f"{ADDRESS}?page=2")
    assert second.html.count('<span class="rank rank-1">1</span>') == 30


def test_a_smaller_error_stands_first(db: None) -> None:
    contest = make_contest(metric="rmse")
    fill_board(contest, 3, best=10.0, step=1.0)
    page = read(signed_in(None), ADDRESS)
    assert page.text.index("8.00000") < page.text.index("9.00000") < page.text.index("10.00000")
    assert "lower is better" in page.text


def test_an_empty_board_says_so(contest: Contest) -> None:
    page = read(signed_in(None), ADDRESS)
    assert "Nobody has a score yet." in page.text
    table = next(given for given in page.all("table") if "data-board" in given)
    assert table["data-v"] == "1-0"


def test_the_private_score_is_not_on_the_page(contest: Contest, alice: User, staff: User) -> None:
    make_submission(contest, alice, status="FINISHED", public_score=0.5, private_score=0.8125)
    for user in (alice, staff):
        assert "0.8125" not in read(signed_in(user), ADDRESS).html


def test_who_takes_no_part_has_no_standing(contest: Contest, alice: User) -> None:
    fill_board(contest, 2)
    for client in (signed_in(None), signed_in(alice)):
        assert client.get(f"{ADDRESS}own/").json() == {"own": None}
        assert "data-board-own" not in read(client, ADDRESS).html
