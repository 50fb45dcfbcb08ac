"""What organisers define, who takes part, and what was handed in.

A TaskVersion pins everything a score depends on (data, solution, metric, limits, environment). A Submission never
changes but for its summary (status, verdict, scores), which the judge writes in the transactions that change a Run.
"""

from __future__ import annotations

from contests.models.blob import Blob, Removal
from contests.models.check import Check
from contests.models.contest import Contest, ContestQuerySet, Phase
from contests.models.participation import Participation, Team
from contests.models.submission import NO_FILE, Submission, SubmissionQuerySet
from contests.models.task import (
    DataFile,
    HiddenFile,
    StarterCode,
    Task,
    TaskVersion,
    TaskVersionQuerySet,
    default_limits,
)

__all__ = [
    "NO_FILE",
    "Blob",
    "Check",
    "Contest",
    "ContestQuerySet",
    "DataFile",
    "HiddenFile",
    "Participation",
    "Phase",
    "Removal",
    "StarterCode",
    "Submission",
    "SubmissionQuerySet",
    "Task",
    "TaskVersion",
    "TaskVersionQuerySet",
    "Team",
    "default_limits",
]
