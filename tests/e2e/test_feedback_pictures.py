"""The pictures beside a score in a real browser: nothing blocked, nothing wider than the page, by day and by night."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.builders import PASSWORD
from tests.e2e.browser import Window
from tests.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.once]

# Scored by the real scorer's own feedback function, in the site's database.
SEED = """
import random
from accounts.models import User
from leaderboard.models import Score
from metrics.feedback import feedback
from metrics.scoring_spec import ScoringSpec
from tests import builders
dice = random.Random(7)
user = User.objects.get(username="alice")
labels = [dice.randrange(10) for _ in range(400)]
confused = [dice.randrange(10) if dice.random() < 0.2 else (7 if label == 1 and dice.random() < 0.4 else label)
            for label in labels]
values = [dice.gauss(150, 60) for _ in range(300)]
guesses = [value + dice.gauss(8, 30) for value in values]
truth = [float(dice.random() < 0.4) for _ in range(300)]
chances = [min(1, max(0, dice.gauss(0.35 + 0.3 * true, 0.2))) for true in truth]
many = [dice.randrange(60) for _ in range(1500)]
cases = {
    "pictures-classes": ("accuracy", [str(n) for n in range(10)], labels, confused),
    "pictures-numbers": ("rmse", [], values, guesses),
    "pictures-chances": ("log_loss", [], truth, chances),
    "pictures-many": ("accuracy", [f"species {n}" for n in range(60)], many,
                      [one if dice.random() < 0.7 else dice.randrange(60) for one in many]),
}
for slug, (metric, classes, true, said) in cases.items():
    contest = builders.make_contest(slug, metric=metric)
    submission = builders.make_submission(contest, user, status="FINISHED", public_score=0.8)
    spec = ScoringSpec(metric=metric, id_column="id", target_columns=("target",), params={})
    Score.objects.filter(submission=submission).update(feedback=feedback(spec, classes, [true], [said]))
    print(slug, submission.pk)
"""
PICTURES = {
    "classes": "Confusion matrix",
    "numbers": "Residuals of",
    "chances": "ROC curve of",
    "many": "Confusion matrix",
}


def test_each_kind_of_feedback_has_its_picture(stack: Stack, browser: Browser) -> None:
    submissions = dict(line.split() for line in stack.query(SEED).splitlines())
    window = Window(browser, stack.url)
    page = window.page
    page.goto("/accounts/login/?next=/submissions/")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("heading", name="My submissions")).to_be_visible()
    for kind, name in PICTURES.items():
        page.set_viewport_size({"width": 1280, "height": 1000})
        page.emulate_media(color_scheme="light")
        page.goto(f"/submissions/{submissions[f'pictures-{kind}']}/")
        expect(page.get_by_role("img", name=name).first).to_be_visible()
        window.shot(f"feedback-{kind}")
        page.set_viewport_size({"width": 360, "height": 1000})
        page.emulate_media(color_scheme="dark")
        expect(page.get_by_role("img", name=name).first).to_be_visible()
        for summary in page.locator("[data-part=feedback] summary").all():
            summary.click()
        expect(page.locator("[data-part=feedback] table").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, kind
        page.locator("[data-part=feedback] section").first.scroll_into_view_if_needed()
        window.shot(f"feedback-{kind}-narrow-dark")
    assert window.complaints == []
