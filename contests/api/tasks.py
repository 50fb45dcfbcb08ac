"""Tasks for their organisers: made, revised and put in force by the verbs of contests.tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compute.models import Environment, Pool
from contests import drafts, publishing, removal, rules, tasks
from contests.api.access import organised, phase_of, task_of
from contests.api.contests import ORGANISING
from contests.api.shapes import TaskSerializer
from contests.api.uploads import FileSerializer, Written, record, the_file, written
from contests.models import Contest, Submission, Task, TaskVersion, default_limits
from metrics.catalogue import CATALOGUE
from rest.errors import Refused
from rest.fields import FlagField, ObjectField
from rest.parsers import Json, Multipart
from rest.schema import GONE, refusal
from rest.views import Endpoint, ListEndpoint

DRAFT = (
    "\n\nA version that was handed in to is never changed: the change makes the next one. In a published contest that "
    "one is a draft (`active` is false) until it is put in force."
)


class HiddenFileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    size = serializers.IntegerField(source="blob.size", help_text="Bytes.")
    sha256 = serializers.CharField(source="blob_id")


class OrganiserTaskSerializer(TaskSerializer):
    """A version of a task with what only its organisers see."""

    pool = serializers.CharField(source="pool.slug")
    scoring_environment = serializers.CharField(source="scoring_environment.identifier")
    solution_size = serializers.IntegerField(source="solution.size", help_text="Bytes.")
    hidden_files = HiddenFileSerializer(many=True, help_text="Test features that nobody may download.")

    class Meta(TaskSerializer.Meta):
        fields = (
            *TaskSerializer.Meta.fields,
            "active",
            "pool",
            "scoring_environment",
            "solution_size",
            "hidden_files",
            "public_share",
            "split_seed",
        )


class TaskFieldsSerializer(serializers.Serializer[Any]):
    """What a task's version pins. What is left out keeps its value, or the default."""

    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=Submission.Kind.choices), required=False, allow_empty=False
    )
    metric = serializers.ChoiceField(choices=sorted(CATALOGUE), required=False)
    metric_params = ObjectField(required=False, help_text="Settings of the metric; see /metrics/.")
    id_column = serializers.CharField(required=False, max_length=100)
    target_columns = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, allow_empty=False
    )
    limits = ObjectField(
        required=False,
        help_text="Any of wall_s, cpu_s, memory_mb, pids, disk_mb, inodes, log_kb, output_mb, gpus.",
    )
    stage_limits = serializers.DictField(
        child=ObjectField(),
        required=False,
        help_text='What differs for the programs of a project: {"train": limits, "predict": limits}.',
    )
    hidden_replies = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=100,
        help_text="How many failures beside hidden features are explained to a team each day.",
    )
    test_features_public = FlagField(required=False)
    public_share = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=100,
        help_text="Percent of the rows that Podium draws to be public; null: the solution's column Usage says it.",
    )
    split_seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    environment = serializers.CharField(
        required=False, help_text="A name (then its newest version), or name@version."
    )
    environments = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Those a contestant may choose from."
    )
    pool = serializers.CharField(required=False, help_text="The slug of a runner pool.")

    def validate_environment(self, name: str) -> Environment:
        return _environment(name)

    def validate_environments(self, names: list[str]) -> list[Environment]:
        return [_environment(name) for name in names]

    def validate_pool(self, slug: str) -> Pool:
        pool = Pool.objects.filter(slug=slug, trusted=False).first()
        if pool is None:
            raise serializers.ValidationError(_("There is no such pool for contestants' programs."))
        return pool


class TaskWriteSerializer(TaskFieldsSerializer):
    phase = serializers.IntegerField(min_value=1, max_value=2**53, help_text="The id of a phase.")
    title = serializers.CharField(max_length=120)
    slug = serializers.SlugField(max_length=60, required=False, help_text="Left out, made from the title.")
    metric = serializers.ChoiceField(choices=sorted(CATALOGUE))
    solution = serializers.FileField(
        help_text="CSV: id, target columns and, unless public_share is set, Usage."
    )
    files = serializers.ListField(
        child=serializers.FileField(),
        required=False,
        help_text="Public data files, sample_submission.csv among them.",
    )


class TaskChangeSerializer(TaskFieldsSerializer):
    title = serializers.CharField(max_length=120, required=False)


def _environment(name: str) -> Environment:
    plain, _at, version = name.partition("@")
    found = Environment.objects.filter(name=plain).exclude(name="scoring").order_by("-created_at", "-pk")
    chosen = (found.filter(version=version) if version else found).first()
    if chosen is None:
        raise serializers.ValidationError(_("There is no such environment."))
    return chosen


def invalid(refused: tasks.InvalidTask) -> Refused:
    errors: dict[str, list[str]] = {}
    for field, sentence in refused.messages:
        errors.setdefault(field, []).append(sentence)
    return Refused("invalid", str(refused), 400, errors)


def edited(contest: Contest, task_id: int) -> TaskVersion:
    """The version its organisers work on: the draft where there is one, else the active one."""
    version = drafts.edited(task_of(contest, task_id))
    if version is None:
        raise Refused("no_version", _("This task has no version."), 409)
    return version


def said(request: Request, version: TaskVersion, status: int = 200) -> Response:
    # Read anew: what was prefetched before the change is not what there is now.
    fresh = _versions(TaskVersion.objects.filter(pk=version.pk)).get()
    return Response(OrganiserTaskSerializer(fresh, context={"request": request}).data, status=status)


def _versions(found: QuerySet[TaskVersion]) -> QuerySet[TaskVersion]:
    return found.select_related(
        "task__phase__contest", "environment", "scoring_environment", "pool", "solution"
    ).prefetch_related("files__blob", "hidden_files__blob", "environments")


class Tasks(ListEndpoint):
    tag = ORGANISING
    scopes = {"POST": "uploads"}
    parser_classes = (Multipart,)
    filter_backends = ()
    serializer_class = OrganiserTaskSerializer
    queryset = TaskVersion.objects.none()

    def get_queryset(self) -> QuerySet[TaskVersion]:
        contest = organised(self.request, self.kwargs["slug"])
        versions = TaskVersion.objects.filter(task__phase__contest=contest)
        return _versions(versions).order_by("task__phase__position", "task__position", "-number")

    @extend_schema(responses=OrganiserTaskSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All versions of a contest's tasks, of each task the newest first."""
        return self.list(request)

    @extend_schema(
        request={"multipart/form-data": TaskWriteSerializer}, responses={201: OrganiserTaskSerializer}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make a task with its solution and data files.

        Everything that is wrong is said at once in `errors`. A file's contents are looked at by its check.
        """
        contest = organised(request, slug)
        given = TaskWriteSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        phase = phase_of(contest, fields.pop("phase"))
        fields["limits"] = default_limits() | fields.get("limits", {})
        # Bytes are written before the transaction: it should not hold a lock for them.
        solution = written(fields.pop("solution"))
        files: Iterable[tuple[str, Written]] = [
            (rules.safe_filename(file.name), written(file)) for file in fields.pop("files", [])
        ]
        try:
            with transaction.atomic():
                version = tasks.create_task(phase, solution=record(solution), **fields)
                for name, kept in files:
                    version = tasks.set_file(version, name, record(kept))
        except tasks.InvalidTask as refused:
            raise invalid(refused) from refused
        return said(request, version, 201)


class TaskDetail(Endpoint):
    tag = ORGANISING
    parser_classes = (Json,)
    serializer_class = OrganiserTaskSerializer

    @extend_schema(responses=OrganiserTaskSerializer)
    def get(self, request: Request, slug: str, task_id: int) -> Response:
        """The version of a task that is being worked on: its draft, else the active one."""
        return said(request, edited(organised(request, slug), task_id))

    @extend_schema(
        request=TaskChangeSerializer,
        responses=OrganiserTaskSerializer,
        description="What is left out stays as it is." + DRAFT,
    )
    def patch(self, request: Request, slug: str, task_id: int) -> Response:
        """Change a task."""
        version = edited(organised(request, slug), task_id)
        given = TaskChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        changes = dict(given.validated_data)
        if "limits" in changes:
            changes["limits"] = version.limits | changes["limits"]
        title = changes.pop("title", None)
        try:
            with transaction.atomic():
                if title:
                    Task.objects.filter(pk=version.task_id).update(title=title)
                version = tasks.revise(version, **changes) if changes else version
        except tasks.InvalidTask as refused:
            raise invalid(refused) from refused
        return said(request, version)

    @extend_schema(request=None, responses=GONE | {409: refusal("It is in use: `detail` says by what.")})
    def delete(self, request: Request, slug: str, task_id: int) -> Response:
        """Delete a task to which nobody but the organisers handed anything in."""
        task = task_of(organised(request, slug), task_id)
        try:
            removal.remove_task(task)
        except removal.InUse as refused:
            raise Refused("in_use", refused.message, 409) from refused
        return Response(status=204)


class TaskActivate(Endpoint):
    tag = ORGANISING
    serializer_class = OrganiserTaskSerializer

    @extend_schema(
        request=None,
        responses={
            200: OrganiserTaskSerializer,
            409: refusal("`errors.task` says everything that is missing."),
        },
    )
    def post(self, request: Request, slug: str, task_id: int) -> Response:
        """Put a task's draft in force: new submissions are judged by it.

        In a published contest its check must be green.
        """
        version = edited(organised(request, slug), task_id)
        try:
            tasks.activate(version)
        except publishing.CannotPublish as refused:
            raise Refused("cannot_publish", str(refused), 409, {"task": refused.messages}) from refused
        return said(request, version)


class TaskFile(Endpoint):
    tag = ORGANISING
    scopes = {"PUT": "uploads"}
    parser_classes = (Multipart,)
    serializer_class = OrganiserTaskSerializer

    @extend_schema(
        request={"multipart/form-data": FileSerializer},
        responses=OrganiserTaskSerializer,
        description="A file of that name is replaced." + DRAFT,
    )
    def put(self, request: Request, slug: str, task_id: int, name: str) -> Response:
        """Add a public data file to a task."""
        version = edited(organised(request, slug), task_id)
        kept = written(the_file(request))
        try:
            return said(request, tasks.set_file(version, name, record(kept)))
        except tasks.InvalidTask as refused:
            raise invalid(refused) from refused

    @extend_schema(request=None, responses={200: OrganiserTaskSerializer})
    def delete(self, request: Request, slug: str, task_id: int, name: str) -> Response:
        """Remove a public data file from a task. One that is not there is no mistake."""
        return said(request, tasks.remove_file(edited(organised(request, slug), task_id), name))


class TaskSolution(Endpoint):
    tag = ORGANISING
    scopes = {"PUT": "uploads"}
    parser_classes = (Multipart,)
    serializer_class = OrganiserTaskSerializer

    @extend_schema(request={"multipart/form-data": FileSerializer}, responses=OrganiserTaskSerializer)
    def put(self, request: Request, slug: str, task_id: int) -> Response:
        """Replace the solution of a task. What is scored stays so until it is judged again."""
        version = edited(organised(request, slug), task_id)
        kept = written(the_file(request))
        try:
            return said(request, tasks.set_solution(version, record(kept)))
        except tasks.InvalidTask as refused:
            raise invalid(refused) from refused
