"""What a check of a task can find, as data: the codes of `complaints` about each file, and those below.

A finding is {"code", "params", "message"}; where it is about a file, `params["file"]` names it and the sentence need
not. Findings quote ids and column names; like complaints about a solution they never quote a true value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metrics.complaints import TEMPLATES, gettext_noop

SMALLEST_PUBLIC = 5

CHECK_TEMPLATES: dict[str, str] = {
    # The settings
    "bad_settings": gettext_noop("The scoring settings cannot be used: %(reason)s"),
    "bad_limits": gettext_noop("The limits cannot be used: %(reason)s"),
    "too_much_output": gettext_noop(
        "The task allows %(found)d MB of output; this site takes at most %(limit)d MB."
    ),
    "no_kinds": gettext_noop("The task takes no kind of submission."),
    # Hidden test features
    "hidden_without_file": gettext_noop(
        "The test features are said to be hidden, but there is no hidden file. Add it, or make them public."
    ),
    "hidden_but_public": gettext_noop(
        "There is a hidden file, but the test features are said to be public. Say that they are hidden, or remove it."
    ),
    "hidden_predictions": gettext_noop(
        "Nobody can hand in predictions for features that nobody sees. Take scripts, notebooks or projects only."
    ),
    "hidden_is_public": gettext_noop(
        "This hidden file is handed out as a public file or as starter code, too."
    ),
    "hidden_is_solution": gettext_noop("This hidden file is the solution; programs would find it in /input."),
    "hidden_without_sample": gettext_noop(
        "This hidden file has no public file of the same name. Programs are tried on that one first: add a small "
        "sample with the same columns."
    ),
    # The solution
    "few_public_rows": gettext_noop(
        "Public rows: %(count)d; a score on fewer than %(least)d says nothing. Make more rows public."
    ),
    "one_class_in_split": gettext_noop(
        "All %(usage)s rows have the same class in column “%(column)s”: every constant answer would be right there."
    ),
    # The sample and the test rows
    "no_sample": gettext_noop(
        "There is no file sample_submission.csv. Contestants who hand in predictions need it as a pattern."
    ),
    "sample_gives_away": gettext_noop(
        "Its values in column “%(column)s” are those of the solution. Write the same value in every row."
    ),
    "test_ids_missing": gettext_noop(
        "Ids of the solution without a row here: %(count)d, for example “%(id)s”. Nobody could predict them."
    ),
    "test_ids_unknown": gettext_noop(
        "Row %(row)d has the id “%(id)s”, which is not in the solution; rows like it: %(count)d."
    ),
    "test_ids_repeated": gettext_noop("Row %(row)d repeats the id “%(id)s”; repeated ids: %(count)d."),
    # Labels that contestants would see
    "is_solution": gettext_noop("This public file is the solution itself."),
    "usage_column": gettext_noop(
        "Row 1: the header has a column “Usage”. Public files must not say which rows are private."
    ),
    "target_in_test": gettext_noop("Row 1: the header has the target column “%(column)s”."),
    "labels_public": gettext_noop(
        "Row %(row)d, column “%(column)s”: the value of the solution for the id “%(id)s”; of %(overlap)d ids that "
        "are in the solution too, %(count)d have their solution's value here."
    ),
    "ids_in_solution": gettext_noop(
        "Row %(row)d has the id “%(id)s” and a value in column “%(column)s”, but that id is in the solution too; "
        "rows like it: %(count)d, more of them with the solution's value than chance explains. Take the test rows "
        "out."
    ),
    "solution_in_column": gettext_noop(
        "Column %(number)d (“%(column)s”) holds the solution's column “%(target)s”, value by value."
    ),
    "classes_in_column": gettext_noop(
        "Column %(number)d (“%(column)s”) tells the class of every row in other words: each of its values goes with "
        "one class."
    ),
    # The baselines
    "baseline_environment": gettext_noop(
        "This baseline is written for the environment %(environment)s, which the task does not offer."
    ),
    "baseline_time_limit_exceeded": gettext_noop(
        "This baseline took longer than the time limit. Raise the limit or make the baseline quicker."
    ),
    "baseline_memory_limit_exceeded": gettext_noop(
        "This baseline needed more than the memory limit. Raise the limit or make the baseline smaller."
    ),
    "baseline_disk_limit_exceeded": gettext_noop("This baseline wrote more than the disk limit allows."),
    "baseline_output_limit_exceeded": gettext_noop("This baseline's output is larger than the output limit."),
    "baseline_process_limit_exceeded": gettext_noop(
        "This baseline started more processes and threads than the process limit allows."
    ),
    "baseline_runtime_error": gettext_noop(
        "This baseline ended with an error. The log of its trial submission names the line."
    ),
    "baseline_no_output": gettext_noop("This baseline left no file /output/submission.csv."),
    "baseline_invalid_output": gettext_noop(
        "The predictions of this baseline do not have the form the task asks for. Its trial submission lists the "
        "mistakes."
    ),
    "baseline_cancelled": gettext_noop("The trial of this baseline was called back. Start the check again."),
    "baseline_internal_error": gettext_noop(
        "This baseline could not be judged. Where the solution has mistakes, mend them; otherwise start the check "
        "again and tell the operator."
    ),
    # What stands in nobody's way
    "no_private_rows": gettext_noop("No row is private: the public score will also be the final one."),
    "class_not_public": gettext_noop(
        "The class “%(label)s” of column “%(column)s” has no public row: public scores say nothing about it."
    ),
    "same_ids": gettext_noop(
        "Row %(row)d has the id “%(id)s” and a value in column “%(column)s”; that id is in the solution too; rows "
        "like it: %(count)d. Their values differ as those of different rows do, so this seems to be numbering alone."
    ),
    "usage_unused": gettext_noop("The Usage column is not used, because Podium draws the public rows."),
    "not_looked_into": gettext_noop("This file is not CSV text, so it was not looked into for labels."),
    "not_looked_to_the_end": gettext_noop(
        "Only the first %(mb)d MB of this file were looked into for labels."
    ),
    "more": gettext_noop("… and further mistakes of these kinds: %(count)d"),
}


def template(code: str) -> str:
    """The sentence of a finding. Raises KeyError for a code that is not known."""
    return CHECK_TEMPLATES[code] if code in CHECK_TEMPLATES else TEMPLATES[code]


def as_json(code: str, params: Mapping[str, str | int]) -> dict[str, Any]:
    file = f"{params['file']}: " if "file" in params else ""
    return {"code": code, "params": dict(params), "message": file + template(code) % params}
