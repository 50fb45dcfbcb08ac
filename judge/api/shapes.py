"""How submissions, runs and checks are written as JSON."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from contests import access, check_texts
from contests.models import Check, Contest, Submission
from judge import queue, stages, steps
from judge.models import Job, Run
from judge.templatetags.judging import complaint
from runners.spec import JobKind
from runners.verdict import Verdict

VERDICTS = [(verdict.value, verdict.value) for verdict in Verdict]


def shown(request: Request) -> QuerySet[Submission]:
    """What the reader may see; `organised` says of each whether the reader is an organiser of its contest."""
    own = Contest.objects.organised_by(request.user).filter(pk=OuterRef("contest_id"))
    return (
        Submission.objects.visible_to(request.user)
        .annotate(organised=Exists(own))
        # Each by itself: in one query a planner may begin with one of them and sort all submissions for a page.
        .prefetch_related("contest", "phase", "environment", "team", "user")
    )


def found(request: Request, submission_id: uuid.UUID) -> Submission:
    """The submission, or 404 for whoever may not see it: its existence is nobody else's business."""
    submission = shown(request).filter(pk=submission_id).first()
    if submission is None:
        raise NotFound(_("There is no such submission among yours."))
    return submission


class FindingSerializer(serializers.Serializer[Any]):
    """A mistake: for programs by code and params, for people as a sentence."""

    code = serializers.CharField()
    params = serializers.DictField(help_text="For example file, row and column.")
    message = serializers.CharField(help_text="In the language of Accept-Language.")


class WaitingSerializer(serializers.Serializer[Any]):
    environment = serializers.CharField()
    percent = serializers.IntegerField(allow_null=True)
    step = serializers.CharField()
    gpus = serializers.IntegerField(help_text="What it needs where no host has that many; else 0.")
    held = serializers.BooleanField(
        help_text="Nothing starts until the operators release its pool, or the organisers their contest's queue."
    )
    by_organisers = serializers.BooleanField(
        help_text="Of one that is held: the organisers hold their contest's queue."
    )
    file_away = serializers.BooleanField(
        help_text="A file that it needs is missing on the site; it is tried again, and then ends as our fault."
    )


class EstimateSerializer(serializers.Serializer[Any]):
    low_s = serializers.FloatField(source="low", help_text="One of ten has started by then.")
    high_s = serializers.FloatField(source="high", help_text="Nine of ten have started by then.")


def _place(submission: Submission) -> queue.Place | None:
    """Asked once for an answer that says two things of it."""
    if not hasattr(submission, "place"):
        submission.place = queue.place(submission)  # type: ignore[attr-defined]
    found: queue.Place | None = submission.place  # type: ignore[attr-defined]
    return found


class RunFileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    size = serializers.IntegerField(source="blob.size", help_text="Bytes.")
    sha256 = serializers.CharField(source="blob_id")


class StageSerializer(serializers.Serializer[Any]):
    """One program of a run, or its scoring; it is listed once it is reached."""

    kind = serializers.ChoiceField(
        choices=[kind.value for kind in JobKind],
        help_text="`rehearse` then `run` (a script or notebook beside hidden rows), `run` alone, `train` then "
        "`predict` (a project), then `score`.",
    )
    status = serializers.ChoiceField(choices=Job.Status.choices)
    withheld = serializers.BooleanField(help_text="Its log, curve and files are shown to nobody.")
    started_at = serializers.DateTimeField(
        source="claimed_at", allow_null=True, help_text="Of its last attempt."
    )
    finished_at = serializers.SerializerMethodField(help_text="Null for a withheld one.")

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_finished_at(self, job: Job) -> Any:
        return None if job.withheld else job.finished_at  # type: ignore[attr-defined]


class TraceSerializer(serializers.Serializer[Any]):
    """The little that is told of a failure beside hidden rows."""

    stage = serializers.ChoiceField(choices=["run", "predict"])
    explained = serializers.BooleanField(
        help_text="False: none is left of today's, and what follows is left out."
    )
    file = serializers.CharField(required=False, help_text="Of the submission.")
    line = serializers.IntegerField(required=False)
    cell = serializers.IntegerField(required=False, help_text="Of a notebook, from 1.")
    cells = serializers.IntegerField(required=False)
    exception = serializers.CharField(
        required=False, help_text="A class of Python or of a library that we know."
    )


class RunSerializer(serializers.ModelSerializer[Run]):
    """One judging; a rejudge adds one of the next generation."""

    task = serializers.CharField(source="task_version.task.slug")
    task_version = serializers.IntegerField(source="task_version.number")
    verdict = serializers.SerializerMethodField(help_text="Null until it has ended.")
    errors = serializers.SerializerMethodField(  # type: ignore[assignment]
        help_text="Mistakes in the predictions, at most 20."
    )
    facts = serializers.DictField(
        help_text="What was measured: exit_code, signal, wall_s, cpu_s, memory_peak …"
    )
    files = RunFileSerializer(many=True, help_text="What the program left in /output; model.zip: in /model.")
    stages = serializers.SerializerMethodField()
    trace = serializers.SerializerMethodField(help_text="Null but after a failure beside hidden rows.")

    class Meta:
        model = Run
        fields = (
            "task",
            "task_version",
            "generation",
            "status",
            "verdict",
            "started_at",
            "finished_at",
            "errors",
            "facts",
            "files",
            "stages",
            "trace",
        )

    @extend_schema_field(serializers.ChoiceField(choices=VERDICTS, allow_null=True))
    def get_verdict(self, run: Run) -> str | None:
        return run.verdict or None

    @extend_schema_field(StageSerializer(many=True))
    def get_stages(self, run: Run) -> Any:
        jobs = steps.jobs_of(run)
        for job in jobs:
            job.withheld = stages.withheld(job)  # type: ignore[attr-defined]
        return StageSerializer(jobs, many=True).data

    @extend_schema_field(TraceSerializer(allow_null=True))
    def get_trace(self, run: Run) -> Any:
        return run.trace or None

    @extend_schema_field(FindingSerializer(many=True))
    def get_errors(self, run: Run) -> list[dict[str, Any]]:
        return [
            {"code": error.get("code", ""), "params": error.get("params", {}), "message": complaint(error)}
            for error in run.errors
        ]


class SubmissionBriefSerializer(serializers.ModelSerializer[Submission]):
    contest = serializers.CharField(source="contest.slug")
    phase = serializers.IntegerField(source="phase_id")
    user = serializers.CharField(source="user.username")
    team_id = serializers.IntegerField()
    team = serializers.CharField(source="team.name")
    environment = serializers.CharField(source="environment.name")
    verdict = serializers.SerializerMethodField(help_text="Null until it has ended.")
    private_score = serializers.SerializerMethodField(
        help_text="Null until private scores are revealed, but for organisers."
    )

    class Meta:
        model = Submission
        fields: tuple[str, ...] = (
            "id",
            "contest",
            "phase",
            "user",
            "team_id",
            "team",
            "kind",
            "filename",
            "environment",
            "note",
            "trial",
            "created_at",
            "finished_at",
            "status",
            "verdict",
            "public_score",
            "private_score",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=VERDICTS, allow_null=True))
    def get_verdict(self, submission: Submission) -> str | None:
        return submission.verdict or None

    def get_private_score(self, submission: Submission) -> float | None:
        organised = getattr(submission, "organised", False)
        may_see = access.reads_private_score(submission, organised=organised)
        return submission.private_score if may_see else None


class SubmissionSerializer(SubmissionBriefSerializer):
    queue_position = serializers.SerializerMethodField(help_text="1: the next one; null: it does not wait.")
    queue_estimate = serializers.SerializerMethodField(
        help_text="Seconds from now within which eight of ten such start; null: nobody can tell."
    )
    waiting_for = serializers.SerializerMethodField(
        help_text="An environment that no host has ready, GPUs that none has, a pool that is held; null: nothing."
    )
    runs = serializers.SerializerMethodField()

    class Meta(SubmissionBriefSerializer.Meta):
        fields = (
            *SubmissionBriefSerializer.Meta.fields,
            "queue_position",
            "queue_estimate",
            "waiting_for",
            "runs",
        )
        read_only_fields = fields

    def get_queue_position(self, submission: Submission) -> int | None:
        found = _place(submission)
        return None if found is None else found.number

    @extend_schema_field(EstimateSerializer(allow_null=True))
    def get_queue_estimate(self, submission: Submission) -> Any:
        found = _place(submission)
        return None if found is None or found.starts is None else EstimateSerializer(found.starts).data

    @extend_schema_field(WaitingSerializer(allow_null=True))
    def get_waiting_for(self, submission: Submission) -> Any:
        waiting = queue.waiting(submission)
        return None if waiting is None else WaitingSerializer(waiting).data

    @extend_schema_field(RunSerializer(many=True))
    def get_runs(self, submission: Submission) -> Any:
        runs = submission.runs.select_related("task_version__task").prefetch_related("files__blob", "jobs")
        return RunSerializer(runs.order_by("generation"), many=True).data


class CancelledSerializer(SubmissionSerializer):
    cancelled = serializers.BooleanField(help_text="False: it had ended already, and its verdict stands.")

    class Meta(SubmissionSerializer.Meta):
        fields = ("cancelled", *SubmissionSerializer.Meta.fields)
        read_only_fields = fields


class LogSerializer(serializers.Serializer[Any]):
    """The bytes [offset, end) of the log as text that is safe to show."""

    offset = serializers.IntegerField()
    text = serializers.CharField()
    end = serializers.IntegerField(help_text="Ask for `?after=` this next.")
    complete = serializers.BooleanField(help_text="No more will come.")
    gone = serializers.BooleanField(
        help_text="What was printed is no longer kept; the contest says for how long."
    )


class CheckSerializer(serializers.ModelSerializer[Check]):
    version = serializers.IntegerField(source="task_version.number")
    current = serializers.SerializerMethodField(help_text="False: the task was changed after this check.")
    findings = serializers.SerializerMethodField(help_text="All mistakes; none of them once it is GREEN.")
    notes = serializers.SerializerMethodField(help_text="Worth knowing, and no obstacle.")
    rows = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many rows are public, private, ignored."
    )
    trials = serializers.PrimaryKeyRelatedField[Submission](
        many=True, read_only=True, help_text="The baselines, judged as trial submissions."
    )

    class Meta:
        model = Check
        fields = (
            "id",
            "version",
            "status",
            "current",
            "rows",
            "findings",
            "notes",
            "trials",
            "created_at",
            "finished_at",
        )

    @extend_schema_field(OpenApiTypes.BOOL)
    def get_current(self, check: Check) -> bool:
        return bool(check.digest == self.context["digest"])

    @extend_schema_field(FindingSerializer(many=True))
    def get_findings(self, check: Check) -> list[dict[str, Any]]:
        return [_finding(each) for each in check.findings]

    @extend_schema_field(FindingSerializer(many=True))
    def get_notes(self, check: Check) -> list[dict[str, Any]]:
        return [_finding(each) for each in check.notes]


def _finding(kept: dict[str, Any]) -> dict[str, Any]:
    return {"code": kept["code"], "params": kept["params"], "message": check_texts.sentence(kept)}
