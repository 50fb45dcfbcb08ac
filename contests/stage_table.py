"""What the limits page says of a project: each limit for its train.py and for its predict.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from contests.models import TaskVersion
from contests.templatetags.podium import duration, megabytes


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    words: str
    train: str
    predict: str


def _kilobytes(count: float) -> str:
    return f"{count} KB"


_ROWS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("wall_s", gettext_noop("Time, on the clock"), duration),
    ("cpu_s", gettext_noop("CPU time, all processes together"), duration),
    ("memory_mb", gettext_noop("Memory"), megabytes),
    ("disk_mb", gettext_noop("Files in /output, /tmp and /dev/shm"), megabytes),
    ("pids", gettext_noop("Processes and threads"), str),
    ("gpus", gettext_noop("GPUs, for this run alone"), str),
    ("log_kb", gettext_noop("Log that is kept"), _kilobytes),
    ("output_mb", gettext_noop("Size of the model, or of submission.csv"), megabytes),
)


def of(version: TaskVersion) -> list[Row]:
    """Empty where the task takes no projects, or both programs have the task's own limits."""
    if "project" not in version.kinds or not version.stage_limits:
        return []
    train, predict = (version.limits | version.stage_limits.get(stage, {}) for stage in ("train", "predict"))
    return [
        Row(_(words), written(train[name]), written(predict[name]))
        for name, words, written in _ROWS
        if train.get(name) or predict.get(name)
    ]
