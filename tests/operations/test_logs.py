"""The log: JSON where a program reads it, with ids, without secrets; and a request's id that is safe to write down."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import time
from typing import Any

import httpx
import pytest
import structlog
from django.test import Client

from config.request_ids import HEADER, id_for
from operations.supervisor import last_words
from runners import saying
from tests.stack import PERFECT, Stack, eventually

SECRETS = (
    "job_" + "x7Kd_-f3Qm" * 4,
    "pool_" + "A1b2C3d4E5" * 4,
    "pod_" + "0123456789abcdef" * 2,
    "postgresql://podium:hunter2-db@db.example.org/podium",
    "redis://:hunter2-broker@10.0.0.1:6379/0",
    "Authorization: Bearer hunter2-bearer-value",
    "Authorization: Token hunter2-api-token-value-long",
    "Proxy-Authorization: Basic cG9kaXVtOmh1bnRlcjI=hunter2",
    "sessionid=hunter2session; csrftoken=hunter2csrf",
    "/setup/?token=hunter2-setup",
    "/accounts/password/reset/key/hunter2-7f3a9c/",
    "/accounts/confirm-email/MQ:1vMhunter2:Zk3/",
    "password='hunter2 pass'",
    '{"invite_code": "hunter2-invite"}',
)


def written(chosen: str, **event: Any) -> str:
    stream = io.StringIO()
    line = {"event": "something", **event}
    for step in (*saying.gather()[1:], saying.renderer(chosen)):
        line = step(None, "info", line)  # type: ignore[assignment]
    stream.write(str(line))
    return stream.getvalue()


@pytest.mark.parametrize("chosen", saying.FORMATS)
@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_is_struck_out_of_every_part_of_a_line(chosen: str, secret: str) -> None:
    for place in ({"event": f"it said {secret}"}, {"error": secret}, {"more": {"deep": [secret]}}):
        line = written(chosen, **place)
        assert saying.STRUCK in line
        assert "hunter2" not in line.replace("hunter2 pass", "")
        assert secret not in line


@pytest.mark.parametrize("name", ["token", "job_token", "password", "cookie", "Authorization", "invite_code"])
def test_what_is_called_a_secret_is_struck_out_whatever_it_looks_like(name: str) -> None:
    assert "swordfish" not in written("json", **{name: "swordfish"})
    assert "swordfish" not in written("json", headers={name: "swordfish"})


def test_an_exception_that_quotes_a_secret_is_told_without_it() -> None:
    def refuse() -> None:
        raise ConnectionError("cannot reach redis://:hunter2@10.0.0.1:6379/0")

    try:
        refuse()
    except ConnectionError:
        line = written("json", exc_info=True)
    assert "hunter2" not in line
    assert "ConnectionError" in json.loads(line)["exception"]


def test_harmless_words_stay() -> None:
    line = json.loads(written("json", token_file="/run/secrets/pool", path="/setup/", deaths=3, tokens=2))
    assert (line["token_file"], line["path"], line["deaths"], line["tokens"]) == (
        "/run/secrets/pool",
        "/setup/",
        3,
        2,
    )
    assert saying.struck("token cpu was not accepted") == "token cpu was not accepted"


def test_a_terminal_is_given_no_orders_by_what_a_stranger_wrote() -> None:
    line = written("plain", event="it said \x1b[2J", path="/\x1b]0;owned\x07\x9b2J", reason="gone\rfine")
    assert not any(order in line for order in "\x1b\x07\x9b\r")
    assert "\\x1b[2J" in line


def test_striking_out_takes_no_longer_where_somebody_wrote_what_makes_it_look_twice() -> None:
    """A pattern that tried each end of each beginning would take minutes for these."""
    began = time.monotonic()
    for piece in (
        "token",
        "token ",
        "token=",
        "token \n",
        "a-",
        "://:",
        "://a:",
        "bearer ",
        "pod_a-",
        "/reset/key/",
    ):
        saying.struck(piece * 20_000)
    assert time.monotonic() - began < 20


def test_a_terminal_gets_lines_for_people_and_a_file_gets_json() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert saying.format_for(Terminal()) == "plain"
    assert saying.format_for(io.StringIO()) == "json"
    assert saying.format_for(io.StringIO(), "plain") == "plain"


@pytest.mark.parametrize(
    "said", ["", "a" * 65, "with space", "new\nline", "../../etc", 'x"y', "{}", "é", "-x", "<script>"]
)
def test_an_id_that_could_do_harm_is_replaced(said: str) -> None:
    assert id_for(said) != said
    assert id_for(said).isalnum()


@pytest.mark.django_db
def test_a_request_keeps_its_id_and_others_get_one_each() -> None:
    client = Client()
    kept = client.get("/healthz", headers={HEADER: "proxy-7.42_a"})
    assert kept[HEADER] == "proxy-7.42_a"
    first, second = client.get("/healthz")[HEADER], client.get("/api/v1/nowhere/")[HEADER]
    assert first != second
    assert client.get("/healthz", headers={HEADER: "<b>"})[HEADER] != "<b>"


@pytest.mark.django_db
def test_lines_of_a_request_carry_its_id_and_neither_query_nor_body(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        Client().post(
            "/i18n/setlang/?next=/hunter2/",
            {"language": "en", "password": "swordfish"},
            headers={HEADER: "r-1"},
        )
    line: Any = next(r.msg for r in caplog.records if isinstance(r.msg, dict) and r.msg["event"] == "request")
    assert (line["request"], line["method"], line["path"]) == ("r-1", "POST", "/i18n/setlang/")
    assert "swordfish" not in caplog.text
    assert "hunter2" not in caplog.text
    assert structlog.contextvars.get_contextvars() == {}


def test_the_supervisor_tells_a_person_the_words_of_a_json_line(tmp_path: Any) -> None:
    log = tmp_path / "agent.log"
    log.write_text(json.dumps({"event": "agent not started", "reason": "PODIUM_SITE_URL is not set"}) + "\n")
    assert last_words(log) == "agent not started: PODIUM_SITE_URL is not set"
    log.write_text("Traceback…\nValueError: plain words\n")
    assert last_words(log) == "ValueError: plain words"
    log.write_text(json.dumps({"event": "it said \x1b[2J"}))
    assert last_words(log) == "it said \\x1b[2J"


@pytest.mark.sandbox
def test_a_whole_stack_logs_json_with_ids_and_none_of_its_secrets(stack: Stack) -> None:
    """Every secret of the stack, and some that a person types, are looked for in all that its processes wrote."""
    submission = stack.submit(PERFECT)
    assert stack.wait_verdict(submission, within_s=30)["verdict"] == "SCORED", stack.logs()
    httpx.post(
        f"{stack.url}/accounts/login/?token=planted-query",
        data={"login": "alice", "password": "planted-password"},
        headers={"Authorization": "Token planted-header-token", "Cookie": "sessionid=planted-cookie"},
    )
    httpx.post(f"{stack.url}/runner/v1/claim", headers={"Authorization": "Bearer pool_planted"}, json={})
    with stack.client() as client:
        client.post("/api/v1/contests/tiny/join/", json={"invite_code": "planted-invite"})
    lines = eventually(
        lambda: [line for line in json_lines(stack, "web") if line["event"] == "attempt finished"],
        what="a line",
    )
    ours = [line for line in lines if line.get("submission") == submission]
    assert ours
    assert {"request", "job", "run", "attempt", "timestamp", "level"} <= set(ours[-1])
    agents = [line for line in json_lines(stack, "agent") if line["event"] == "finished"]
    assert ours[-1]["job"] in {line["job"] for line in agents}
    eventually(
        lambda: any(line.get("task") == "judge.sweep" for line in json_lines(stack, "judge")),
        within_s=60,
        what="the judge names the task of a line",
    )
    written = "".join(path.read_text(errors="replace") for path in (stack.var / "logs").glob("*.log"))
    secrets = [path.read_text().strip() for path in (stack.var / "secrets").rglob("*") if path.is_file()]
    assert len(secrets) >= 3
    assert [secret for secret in (*secrets, *stack.tokens.values(), "planted-") if secret in written] == []
    assert "job_" not in written


def json_lines(stack: Stack, name: str) -> list[dict[str, Any]]:
    """The events of one process; whatever is no JSON (a traceback before the log was set up) is left out."""
    return [json.loads(line) for line in stack.log_of(name).splitlines() if line.startswith("{")]
