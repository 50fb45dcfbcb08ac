"""What a metric tells beside the score, for a submission's page: public rows only, for its owner and organisers."""

from __future__ import annotations

from typing import Any

from contests.models import Submission
from judge import pictures
from judge.models import Run
from leaderboard.models import Score
from runners.verdict import Verdict


def shown(submission: Submission, run: Run | None) -> dict[str, Any]:
    """What templates/judge/feedback.html needs; empty when there is nothing to tell."""
    if run is None or run.verdict != Verdict.SCORED:
        return {}
    score = Score.objects.filter(
        submission=submission, task_version_id=run.task_version_id, generation=run.generation
    ).first()
    told: dict[str, Any] = score.feedback if score else {}
    sections: dict[str, Any] = {}
    if classes := told.get("classes"):
        sections["classes"] = {
            "picture": pictures.matrix(classes),
            "per_class": classes["per_class"],
            "hides": any(row["precision"] is None for row in classes["per_class"]),
            "rows": list(zip([*classes["labels"], ""], classes["matrix"], strict=False)),
            "columns": [*classes["labels"], *([""] if classes["other"] else [])],
            "mistakes": pictures.mistakes(classes),
        }
    if curves := [curve for curve in told.get("curves", ()) if curve["points"]]:
        sections["curves"] = [curve | {"line": pictures.roc(curve["points"])} for curve in curves]
        sections["roc_side"] = pictures.ROC_SIDE
    if residuals := told.get("residuals"):
        sections["residuals"] = [
            column | {"picture": pictures.histogram(column), "bins": pictures.bins(column)}
            for column in residuals
        ]
    return sections
