"""Who hears which live topic: everybody takes what the site gives them to the hub, against the table's TOPIC rows."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings as site_settings
from django.test import Client

from config import live_topics
from leaderboard.models import Board
from live import tokens
from live.asgi import Live
from live.protocol import Message, Scope
from tests.security.site_of_roles import MACHINES, ROLES, Site
from tests.security.test_access_matrix import TABLE, Jobs

pytestmark = pytest.mark.django_db
GIVEN = re.compile(r'data-topic="([^"]+)" data-token="([^"]+)"')
ADDRESS = re.compile(r'/live/([^?]+)[?]token=([^"]+)')
LETTERS = {200: "+", 401: "?", 404: "."}


def rows() -> dict[str, list[str]]:
    """Kind of topic, as "board.", and its two cells."""
    told = (line.split() for line in TABLE.read_text("utf-8").splitlines() if line.startswith("TOPIC"))
    return {topic.partition("<")[0]: cells for _word, topic, *cells in told}


def hub_says(topic: str, token: str = "") -> str:
    """What the site's hub answers to a stream that is closed at once. There is no broker."""
    answers: list[Message] = []

    async def inner(*_call: object) -> None:
        raise AssertionError("the hub handed its own address on")

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answers.append(message)

    async def ask() -> None:
        away = f"unix://{Path(__file__).parent}/no-broker.sock"
        hub = Live(inner, dataclasses.replace(live_topics.hub_settings(), redis_url=away))
        query = urlencode({"token": token}).encode()
        scope: Scope = {
            "type": "http", "method": "GET", "path": f"/live/{topic}", "query_string": query, "headers": [],
            "client": ("192.0.2.1", 1),
        }  # fmt: skip
        await hub(scope, receive, send)
        await hub.close()

    asyncio.run(ask())
    return LETTERS[answers[0]["status"]]


def given(site: Site, name: str, machine: str = "") -> dict[str, str]:
    """Topics and their tokens, as the site gives them to a person's browser and program, or to a machine."""
    client = Client() if machine else site.clients[name]
    headers = {"authorization": machine} if machine else {}
    if not machine and name in site.tokens:
        headers = {"authorization": f"Bearer {site.tokens[name]}"}
    page = client.get(f"/submissions/{site.shown.submission.pk}/", headers=headers).content.decode()
    bell = Client().post("/runner/v1/bell", headers=headers).content.decode()
    return dict([*GIVEN.findall(page), *ADDRESS.findall(bell)])


def heard(topic: str, held: dict[str, str]) -> str:
    others = {hub_says(topic, token) for other, token in held.items() if other != topic}
    assert others <= {hub_says(topic)}, "another topic's token opens it"
    return hub_says(topic, held.get(topic, ""))


def test_every_kind_of_topic_has_a_row_and_of_another_kind_there_are_none() -> None:
    assert set(rows()) == {*live_topics.PUBLIC, *live_topics.PRIVATE}
    for name in ("secret.1", "boards.1"):
        assert hub_says(name, tokens.sign(site_settings.SECRET_KEY, name, 60)) == "."


def test_everybody_hears_what_the_table_says(site: Site) -> None:
    board = Board.objects.filter(phase__contest=site.shown.contest).first()
    assert board is not None
    topics = {
        "board.": board.topic,
        "submission.": f"submission.{site.shown.submission.pk}",
        "pool.": "pool.cpu",
    }
    words = Jobs(site).tokens
    people = [given(site, name) for name in ROLES.values()]
    machines = [given(site, name, words.get(name, "Bearer none")) for name in MACHINES.values()]
    found = {
        kind: ["".join(heard(topic, held) for held in group) for group in (people, machines)]
        for kind, topic in topics.items()
    }
    assert found == rows()
