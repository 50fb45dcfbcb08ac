"""How contests, phases, tasks and files are written as JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.utils import timezone
from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from compute.models import Environment
from contests import joining, schedule
from contests.models import Contest, DataFile, Phase, StarterCode, TaskVersion
from rest.fields import ObjectField

STATES = ("upcoming", "open", "ended")


def address(request: Request, *parts: str) -> str:
    """An absolute address below /api/v1/contests/, whatever is in a file's name."""
    return request.build_absolute_uri("/api/v1/contests/" + "/".join(quote(part, safe="") for part in parts))


class LimitsSerializer(serializers.Serializer[Any]):
    """What a program may use. Seconds, MB (of 2**20 bytes), KB, processes, files."""

    wall_s = serializers.FloatField(help_text="Seconds by the clock.")
    cpu_s = serializers.FloatField(help_text="Seconds of CPU time, all processes together.")
    memory_mb = serializers.IntegerField()
    pids = serializers.IntegerField(help_text="Processes and threads at once.")
    disk_mb = serializers.IntegerField(help_text="All it may write.")
    inodes = serializers.IntegerField(help_text="Files and folders it may make.")
    log_kb = serializers.IntegerField(help_text="What is kept of its log.")
    output_mb = serializers.IntegerField(help_text="The largest submission.csv.")
    gpus = serializers.IntegerField(default=0, help_text="Whole GPUs, each for this run alone.")


class PhaseSerializer(serializers.ModelSerializer[Phase]):
    class Meta:
        model = Phase
        fields = (
            "id",
            "title",
            "position",
            "starts_at",
            "ends_at",
            "private_revealed_at",
            "daily_limit",
            "total_limit",
            "pending_limit",
            "gpu_minutes_limit",
        )
        read_only_fields = fields


class ContestBriefSerializer(serializers.ModelSerializer[Contest]):
    state = serializers.SerializerMethodField(help_text="Of its current phase; null without one.")
    phases = PhaseSerializer(many=True, read_only=True)

    class Meta:
        model = Contest
        fields = (
            "slug",
            "title",
            "title_zh",
            "summary",
            "summary_zh",
            "state",
            "registration",
            "published",
            "phases",
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(serializers.ChoiceField(choices=STATES, allow_null=True))
    def get_state(self, contest: Contest) -> str | None:
        now = schedule.of(contest.phases.all(), timezone.now())
        return now.state if now else None


class DataFileSerializer(serializers.ModelSerializer[DataFile]):
    size = serializers.IntegerField(source="blob.size", help_text="Bytes.")
    sha256 = serializers.CharField(source="blob_id")
    task = serializers.CharField(source="task_version.task.slug", help_text="The task it belongs to.")
    url = serializers.SerializerMethodField()

    class Meta:
        model = DataFile
        fields = ("name", "size", "sha256", "task", "url")
        read_only_fields = fields

    @extend_schema_field(serializers.URLField())
    def get_url(self, file: DataFile) -> str:
        return address(self.context["request"], file.task_version.task.phase.contest.slug, "data", file.name)


class StarterSerializer(serializers.ModelSerializer[StarterCode]):
    size = serializers.IntegerField(source="blob.size", help_text="Bytes.")
    environment = serializers.SerializerMethodField(help_text="The environment it is written for.")
    url = serializers.SerializerMethodField()

    class Meta:
        model = StarterCode
        fields = ("name", "title", "title_zh", "environment", "position", "baseline", "size", "url")
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_environment(self, starter: StarterCode) -> str | None:
        return starter.environment.name if starter.environment else None

    @extend_schema_field(serializers.URLField())
    def get_url(self, starter: StarterCode) -> str:
        return address(self.context["request"], starter.contest.slug, "starter", starter.name)


class TaskSerializer(serializers.ModelSerializer[TaskVersion]):
    """A task as contestants see it: its active version."""

    id = serializers.IntegerField(source="task_id")
    phase = serializers.IntegerField(source="task.phase_id")
    slug = serializers.CharField(source="task.slug")
    title = serializers.CharField(source="task.title")
    version = serializers.IntegerField(source="number")
    kinds = serializers.ListField(
        child=serializers.CharField(), help_text="predictions, script, notebook, project"
    )
    direction = serializers.ChoiceField(choices=("maximize", "minimize"), source="definition.direction")
    metric_params = serializers.DictField(child=serializers.CharField())
    target_columns = serializers.ListField(child=serializers.CharField())
    environment = serializers.CharField(source="environment.name", help_text="What is used unless chosen.")
    environments = serializers.SerializerMethodField()
    limits = LimitsSerializer()
    stage_limits = serializers.DictField(
        child=ObjectField(), help_text="What differs from `limits` for a project's `train` and `predict`."
    )
    test_features_public = serializers.BooleanField(
        help_text="False: programs find hidden rows in place of public samples in the run that counts."
    )
    hidden_replies = serializers.IntegerField(
        help_text="Failures beside hidden rows that are explained to a team each day."
    )
    files = serializers.SerializerMethodField(help_text="Empty for who may not read the data (yet).")

    class Meta:
        model = TaskVersion
        fields: tuple[str, ...] = (
            "id",
            "phase",
            "slug",
            "title",
            "version",
            "kinds",
            "metric",
            "metric_params",
            "direction",
            "id_column",
            "target_columns",
            "environment",
            "environments",
            "limits",
            "stage_limits",
            "test_features_public",
            "hidden_replies",
            "files",
        )

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_environments(self, version: TaskVersion) -> list[str]:
        offered: list[Environment] = [version.environment, *version.environments.all()]
        return sorted({environment.name for environment in offered})

    @extend_schema_field(DataFileSerializer(many=True))
    def get_files(self, version: TaskVersion) -> Any:
        files = list(version.files.all()) if self.context.get("reads_data", True) else []
        for file in files:
            file.task_version = version  # known already: no query a file
        return DataFileSerializer(files, many=True, context=self.context).data


class ContestSerializer(ContestBriefSerializer):
    tasks = serializers.SerializerMethodField(help_text="Empty until a phase starts, but for organisers.")
    has_rules = serializers.SerializerMethodField(help_text="Whether there are rules to accept.")
    invite_code = serializers.SerializerMethodField(help_text="Null, but for organisers.")
    email_domains = serializers.SerializerMethodField(help_text="For registration by domain.")
    organisers = serializers.SerializerMethodField(help_text="Usernames; null, but for organisers.")
    organised_by_me = serializers.SerializerMethodField()

    class Meta(ContestBriefSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *ContestBriefSerializer.Meta.fields,
            "description",
            "description_zh",
            "evaluation",
            "evaluation_zh",
            "data_description",
            "data_description_zh",
            "licence",
            "pseudonymous",
            "email_domains",
            "has_rules",
            "invite_code",
            "organisers",
            "organised_by_me",
            "tasks",
        )
        read_only_fields = fields

    @extend_schema_field(TaskSerializer(many=True))
    def get_tasks(self, contest: Contest) -> Any:
        user = self.context["request"].user
        versions = TaskVersion.objects.shown_to(user, contest)
        context = {**self.context, "reads_data": joining.may_see_data(user, contest)}
        return TaskSerializer(versions, many=True, context=context).data

    def get_has_rules(self, contest: Contest) -> bool:
        return bool(joining.rules_digest(contest))

    def get_email_domains(self, contest: Contest) -> list[str]:
        return joining.listed_domains(contest)

    def get_organised_by_me(self, contest: Contest) -> bool:
        known = self._organised  # asked once, for three fields
        if contest.pk not in known:
            known[contest.pk] = contest.is_organised_by(self.context["request"].user)
        return known[contest.pk]

    @cached_property
    def _organised(self) -> dict[int, bool]:
        return {}

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_organisers(self, contest: Contest) -> list[str] | None:
        if not self.get_organised_by_me(contest):
            return None
        return list(contest.organisers.order_by("username").values_list("username", flat=True))

    def get_invite_code(self, contest: Contest) -> str | None:
        return contest.invite_code if self.get_organised_by_me(contest) else None
