"""The sections of a contest: what each tells, and to whom."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from django.utils import timezone, translation

from accounts.models import User
from compute.models import Environment
from contests import evaluation, joining, verdict_costs
from contests.models import Check, Contest, TaskVersion
from metrics import catalogue
from runners.verdict import Verdict
from tests.builders import make_contest, make_host, make_pool, make_submission, task_version_of
from tests.pages.reading import read, signed_in

COMPETE = Path(__file__).resolve().parents[2] / "docs" / "compete.md"
RULES = "## Conduct\n\nBe **kind**."


def test_the_data_page_tells_sizes_checksums_licence_and_what_the_columns_mean(db: None) -> None:
    contest = make_contest(licence="CC BY 4.0", data_description="`x` is a *length*.")
    page = read(signed_in(None), "/contests/digits/data/")
    for file in task_version_of(contest).files.all():
        assert file.blob_id in page.text
    assert "Licence: CC BY 4.0" in page.text
    assert "<em>length</em>" in page.html
    assert 'href="/contests/digits/data.zip"' in page.html
    assert page.faults() == []


def test_rules_are_a_section_with_the_moment_of_their_acceptance(alice: User) -> None:
    contest = make_contest(rules=RULES)
    page = read(signed_in(None), "/contests/digits/rules/")
    assert "<strong>kind</strong>" in page.html
    assert "Accept and join" in page.text
    place = joining.join(alice, contest, accept_rules=True)
    page = read(signed_in(alice), "/contests/digits/rules/")
    assert place.rules_accepted_at is not None
    assert f"You accepted these rules: {place.rules_accepted_at:%Y-%m-%d %H:%M} UTC" in page.text
    Contest.objects.filter(pk=contest.pk).update(rules="Be kinder.")
    assert "Accept the rules" in read(signed_in(alice), "/contests/digits/rules/").text


def test_a_contest_without_rules_has_no_tab_for_them(contest: Contest) -> None:
    assert "/contests/digits/rules/" not in read(signed_in(None), "/contests/digits/").html
    assert "no rules to accept" in read(signed_in(None), "/contests/digits/rules/").text


def test_the_evaluation_page_tells_metric_formula_words_and_share(db: None) -> None:
    contest = make_contest(metric="rmse", evaluation="Errors in *metres*.")
    TaskVersion.objects.update(public_share=30)
    page = read(signed_in(None), "/contests/digits/evaluation/")
    for words in ("√( Σ (y − ŷ)² ÷ n )", "lower", "30 % of the scored rows are public", "id", "target"):
        assert words in page.text
    assert "<em>metres</em>" in page.html
    assert "root_mean_squared_error.html" in page.html
    TaskVersion.objects.update(public_share=None)
    assert "of the scored rows" not in read(signed_in(None), "/contests/digits/evaluation/").text
    rows = {"public": 25, "private": 75, "ignored": 9}
    Check.objects.create(task_version=task_version_of(contest), status="GREEN", rows=rows)
    assert "25 % of the scored rows" in read(signed_in(None), "/contests/digits/evaluation/").text


def test_every_metric_has_a_formula() -> None:
    assert set(evaluation.FORMULAS) == set(catalogue.CATALOGUE)


def test_environments_list_their_packages_and_how_far_their_build_is(db: None) -> None:
    make_contest(environments=["python", "torch", "tensorflow", "lean"])
    Environment.objects.filter(name="torch").update(packages=[["numpy", "2.3.4"], ["torch", "2.9.1"]])
    ready = list(Environment.objects.filter(name="python"))
    building = {
        "torch": {"state": "building", "percent": 40, "step": "x"},
        "lean": {"error": "no space left"},
    }
    make_host(make_pool("cpu"), environments=ready, building=building)
    page = read(signed_in(None), "/contests/digits/environment/")
    for words in (
        "ready",
        "being built: 40 %",
        "could not be built",
        "not built yet",
        "torch 2.9.1",
        "2 packages",
    ):
        assert words in page.text
    assert page.faults() == []


def costs() -> dict[str, tuple[str, str]]:
    with translation.override("en"):
        return {row.verdict: (row.meaning, row.cost) for row in verdict_costs.table()}


def test_the_costs_on_the_page_are_those_of_the_documentation() -> None:
    documented = {}
    for line in COMPETE.read_text("utf-8").splitlines():
        if match := re.fullmatch(r"\| `([A-Z_]+)` \| (.+) \| ([^|]+) \|", line):
            documented[match[1]] = (match[2].replace("`", ""), match[3].strip())
    assert list(costs().items()) == list(documented.items())
    assert set(documented) == set(Verdict)


def test_the_limits_page_has_the_table_of_costs_and_the_total(contest: Contest) -> None:
    contest.phases.update(total_limit=77)
    page = read(signed_in(None), "/contests/digits/limits/")
    assert "Submissions in total 77" in page.text
    assert "CANCELLED once it has started you called it back" in page.text


def test_own_submissions_are_a_section_too(contest: Contest, alice: User) -> None:
    make_submission(contest, alice, filename="mine.py")
    make_submission(make_contest("other"), alice, filename="elsewhere.py")
    page = read(signed_in(alice), "/contests/digits/submissions/")
    assert "mine.py" in page.text
    assert "elsewhere.py" not in page.text
    assert "49 of 50 submissions left today" in page.text
    assert page.faults() == []


def test_what_is_left_stands_on_the_contest_and_the_submit_page(contest: Contest, alice: User) -> None:
    make_submission(contest, alice)
    contest.phases.update(total_limit=20)
    tomorrow = (timezone.now() + dt.timedelta(days=1)).strftime("%Y-%m-%d 00:00 UTC")
    for path in ("/contests/digits/", "/contests/digits/submit/"):
        text = read(signed_in(alice), path).text
        assert "49 of 50 submissions left today" in text
        assert "19 of 20 left in total" in text
        assert tomorrow in text
    assert "left today" not in read(signed_in(None), "/contests/digits/").text
