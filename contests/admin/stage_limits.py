"""Fields for limits of a project's own programs: each may be left empty, and then the task's limit holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contests import task_fields

TITLES = {"train": _("Other limits of a project's train.py"), "predict": _("Other limits of its predict.py")}
Described = Iterable[tuple[str, Any, Any]]  # limit, what it is called, its unit


def name_of(stage: str, limit: str) -> str:
    return f"stage_{stage}_{limit}"


def fields(limits: Described, most: dict[str, int]) -> dict[str, forms.Field]:
    """A field for every limit of every stage, by its name in the form."""
    found: dict[str, forms.Field] = {}
    for stage in task_fields.STAGES:
        for limit, label, unit in limits:
            seconds = limit.endswith("_s")
            kind = forms.FloatField if seconds else forms.IntegerField
            field = kind(
                label=label,
                help_text=unit,
                required=False,
                min_value=task_fields.least(limit),
                max_value=most[limit],
            )
            field.widget.attrs["step"] = "any" if seconds else "1"
            found[name_of(stage, limit)] = field
    return found


def wanted(given: dict[str, Any], limits: Described) -> dict[str, dict[str, Any]]:
    """`TaskVersion.stage_limits` as the form says it: only what was filled in."""
    stages = {
        stage: {
            limit: given[name_of(stage, limit)]
            for limit, _label, _unit in limits
            if given.get(name_of(stage, limit)) is not None
        }
        for stage in task_fields.STAGES
    }
    return {stage: chosen for stage, chosen in stages.items() if chosen}


def initial(stages: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        name_of(stage, limit): int(value) if float(value).is_integer() else value
        for stage, chosen in stages.items()
        for limit, value in chosen.items()
    }


def fieldsets(limits: Described) -> list[Any]:
    """Closed until somebody opens them: most tasks take no projects."""
    return [
        (
            str(TITLES[stage]),
            {
                "classes": ["collapse"],
                "fields": [name_of(stage, limit) for limit, _label, _unit in limits],
                "description": str(_("Leave a field empty where the limit above holds.")),
            },
        )
        for stage in task_fields.STAGES
    ]
