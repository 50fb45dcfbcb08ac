"""The page that says how to attach a machine, and the package index of one package below it."""

from __future__ import annotations

import hashlib

import pytest
from django.test import Client, override_settings

from accounts.models import User
from compute import installing, pools
from compute.models import RunnerHost
from tests.builders import make_pool
from tests.pages.reading import read, signed_in

pytestmark = pytest.mark.django_db
JSON = "application/vnd.pypi.simple.v1+json"


@pytest.mark.parametrize(("language", "word"), [("en", "Contests"), ("zh-hans", "竞赛")])
def test_everybody_reads_how_to_attach_a_machine(language: str, word: str) -> None:
    page = read(signed_in(None, language=language), "/runners/")
    assert page.faults() == []
    assert word in page.text
    assert installing.runner().version in page.text


def test_the_commands_carry_the_address_that_was_asked_and_the_hash_of_the_wheel() -> None:
    page = read(signed_in(None), "/runners/")
    runner = installing.runner()
    address = f"http://testserver/runners/{runner.filename}#sha256={runner.sha256}"
    assert f'/opt/podium-runner/bin/pip install --upgrade \\ "podium-runner @ {address}"' in page.text
    assert "podium-runner \\ --site http://testserver \\ --token-file" in page.text


@override_settings(PUBLIC_URL="https://podium.example.org")
def test_the_commands_carry_the_address_the_operator_named() -> None:
    page = read(signed_in(None), "/runners/")
    assert "--site https://podium.example.org \\ --token-file" in page.text
    assert "http://testserver" not in page.text


def test_the_wheel_is_what_the_page_says_and_may_be_kept_for_ever() -> None:
    runner = installing.runner()
    answer = Client().get(f"/runners/{runner.filename}")
    assert hashlib.sha256(answer.content).hexdigest() == runner.sha256
    assert "immutable" in answer["Cache-Control"]


def test_a_wheel_of_another_version_is_not_there() -> None:
    assert Client().get("/runners/podium_runner-0.1.0+r000000000000-py3-none-any.whl").status_code == 404


def test_the_index_names_one_project_with_one_file() -> None:
    runner = installing.runner()
    listed = Client().get("/runners/simple/", headers={"accept": JSON})
    assert listed.json()["projects"] == [{"name": "podium-runner"}]
    project = Client().get("/runners/simple/podium-runner/", headers={"accept": JSON})
    assert project["Content-Type"] == JSON
    assert [file["filename"] for file in project.json()["files"]] == [runner.filename]
    assert project.json()["files"][0]["hashes"] == {"sha256": runner.sha256}
    html = Client().get("/runners/simple/podium-runner/").content.decode()
    assert f'href="/runners/{runner.filename}#sha256={runner.sha256}"' in html


def test_the_index_knows_no_other_project() -> None:
    assert Client().get("/runners/simple/httpx/").status_code == 404


def test_the_admin_shows_what_a_hosts_sandbox_enforces() -> None:
    client = signed_in(User.objects.create_superuser("operator"))
    rows = [
        {"limit": "disk", "status": "hard", "enforced_by": "one sized tmpfs", "advice": ""},
        {"limit": "memory", "status": "soft", "enforced_by": "sampling", "advice": "<b>root</b>"},
    ]
    told = {"environments": [], "building": {}, "sandbox": "nsjail"}
    pools.report(pool=make_pool(), host="h", preflight=rows, **told)  # type: ignore[arg-type]
    shown = client.get(f"/admin/compute/runnerhost/{RunnerHost.objects.get().pk}/change/").content.decode()
    assert "<td>memory</td><td>soft</td><td>sampling</td>" in shown
    assert "&lt;b&gt;root&lt;/b&gt;" in shown
    assert "only watched: memory" in client.get("/admin/compute/runnerhost/").content.decode()
