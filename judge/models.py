"""What the judge keeps: a Run per submission and task version, and the Jobs that carry it out.

A Job is the only leased thing. Its life, each arrow one guarded UPDATE (judge.lease, judge.results):

    QUEUED ─claim→ RUNNING ─finish→ FINISHED            (any verdict on the contestant's work)
       ↑______give back / lease lost and claimed again   (attempt + 1, at most 3, else FAILED)
    QUEUED or RUNNING ─cancel→ CANCELLED
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compute.models import Environment, Pool
from contests.models import Blob, Check, Contest, Submission, TaskVersion
from runners.spec import JobKind


class Run(models.Model):
    """One submission judged under one task version.

    A rejudge is a new Run of the submission's next `generation`; the latest counts.
    """

    submission = models.ForeignKey(
        Submission, on_delete=models.PROTECT, related_name="runs", verbose_name=_("submission")
    )
    task_version = models.ForeignKey(
        TaskVersion, on_delete=models.PROTECT, related_name="runs", verbose_name=_("task version")
    )
    generation = models.PositiveSmallIntegerField(_("generation"), default=1)
    status = models.CharField(
        _("status"), max_length=12, choices=Submission.Status.choices, default=Submission.Status.QUEUED
    )
    verdict = models.CharField(_("verdict"), max_length=32, blank=True)
    errors = models.JSONField(
        _("errors"), default=list
    )  # of an invalid output: [{"code", "params", "message"}]
    facts = models.JSONField(default=dict)  # RunFacts of the contestant's program
    # What may be told of a failure beside hidden features: {"stage", "line" | "cell", "exception", …}; empty: nothing.
    trace = models.JSONField(default=dict)
    # What the contestant's program used, for sums by person and contest: seconds and bytes.
    wall_s = models.FloatField(_("wall time in s"), default=0.0)
    cpu_s = models.FloatField(_("CPU time in s"), default=0.0)
    gpu_s = models.FloatField(_("GPU time in s"), default=0.0)
    # What its stages may take at most, in GPU seconds: held of its team's quota until it ends, and never exceeded by
    # what it is charged. NULL: queued before there was such a quota.
    gpu_held_s = models.FloatField(_("GPU held in s"), null=True)
    # Since when an organiser wants it judged before the rest of its contest (judge.own_queue); its jobs say it, too.
    preferred_at = models.DateTimeField(_("preferred at"), null=True, editable=False)
    memory_peak = models.BigIntegerField(_("peak memory in bytes"), default=0)
    disk_peak = models.BigIntegerField(_("peak disk in bytes"), default=0)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints = [
            models.UniqueConstraint(fields=["submission", "task_version", "generation"], name="run_once")
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="run_status_recent"),
            models.Index(fields=["verdict", "-id"], name="run_verdict_recent"),
            models.Index(fields=["finished_at"], name="run_ended"),
        ]


class Job(models.Model):
    class Status(models.TextChoices):
        QUEUED = "QUEUED", _("queued")
        RUNNING = "RUNNING", _("running")
        FINISHED = "FINISHED", _("finished")
        FAILED = "FAILED", _("failed")
        CANCELLED = "CANCELLED", _("cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=[(kind.value, kind.value) for kind in JobKind])
    # What it is about: a run, or an organiser's check.
    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, null=True, related_name="jobs", verbose_name=_("run")
    )
    task_check = models.ForeignKey(
        Check, on_delete=models.CASCADE, null=True, related_name="jobs", verbose_name=_("check")
    )
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="jobs", verbose_name=_("pool"))
    # Whose turn it takes (judge.fairness): a contest, and in it the team's key, or minus the key of a check's starter.
    contest = models.ForeignKey(
        # Neither index nor constraint: both would lock a large table, and whatever it belongs to has its own.
        Contest,
        models.CASCADE,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        verbose_name=_("contest"),
    )
    contestant = models.BigIntegerField(default=0, db_default=0)
    preferred_at = models.DateTimeField(null=True, editable=False)  # as its run says
    environment = models.ForeignKey(
        Environment, on_delete=models.PROTECT, related_name="+", verbose_name=_("environment")
    )
    # What a score job reads: a contestant's file as plain data.
    predictions = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.QUEUED)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    pardoned = models.PositiveSmallIntegerField(default=0)  # attempts ended by stopping an agent on purpose
    token_digest = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    host = models.CharField(_("host"), max_length=120, blank=True)
    gpus = models.PositiveSmallIntegerField(
        _("GPUs"), default=0
    )  # whole devices a host must have free to claim it
    # What a predict job reads: the archive that its train job left.
    model = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    log_bytes = models.BigIntegerField(default=0)
    usage = models.JSONField(default=dict)  # the last sample
    stages = models.JSONField(default=dict)  # milliseconds by stage, as the agent measured them
    error = models.TextField(_("error"), blank=True)  # ours, for operators
    queued_at = models.DateTimeField(_("queued since"), default=timezone.now)
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        constraints = [
            models.UniqueConstraint(fields=["run", "kind"], name="job_once"),
            models.UniqueConstraint(fields=["task_check", "kind"], name="check_job_once"),
            models.CheckConstraint(
                condition=Q(run__isnull=False, task_check__isnull=True)
                | Q(run__isnull=True, task_check__isnull=False),
                name="job_has_one_subject",
            ),
            models.CheckConstraint(
                condition=~Q(status="RUNNING") | Q(lease_until__isnull=False), name="running_has_a_lease"
            ),
        ]
        indexes = [
            models.Index(fields=["pool", "status", "contest", "contestant", "queued_at"], name="job_turns"),
            models.Index(fields=["pool", "finished_at"], name="job_ended"),
            models.Index(fields=["pool", "attempt", "status"], name="job_retried"),
            models.Index(fields=["status", "lease_until"], name="job_leases"),
            # A planner without statistics would else take that of all jobs of an environment.
            models.Index(fields=["pool", "status", "environment"], name="job_ready"),
        ]


class Turn(models.Model):
    """How far a pool has served a contest, and in it a contestant, in the virtual seconds of judge.fairness."""

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="+")
    contest = models.ForeignKey(Contest, on_delete=models.CASCADE, related_name="+")
    contestant = models.BigIntegerField(default=0)  # 0: the contest as a whole
    start = models.FloatField(default=0.0)  # of what was handed out last
    finish = models.FloatField(default=0.0)  # up to where it has been served
    clock = models.FloatField(default=0.0)  # of a contest: the virtual time of those in it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pool", "contest", "contestant"], name="turn_once")]


class HeldQueue(models.Model):
    """While this row is there, nothing of the contest is handed out: its organisers hold its queue."""

    contest = models.OneToOneField(Contest, on_delete=models.CASCADE, primary_key=True, related_name="+")
    since = models.DateTimeField(default=timezone.now)


class UsageSample(models.Model):
    """What an attempt used, about once a second at first and more rarely later: at most some hundreds a run."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="samples")
    attempt = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()  # from 0; what the agent sends twice is kept once
    wall_s = models.FloatField()
    cpu_s = models.FloatField()
    memory = models.BigIntegerField()
    disk = models.BigIntegerField()
    gpu_memory = models.BigIntegerField(null=True)  # of the run's device, where it has one
    gpu_percent = models.FloatField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "attempt", "number"], name="usage_sample_once")]


class LogChunk(models.Model):
    """Bytes of a run's log as they came, by attempt and offset."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log")
    attempt = models.PositiveSmallIntegerField()
    offset = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["offset"]
        constraints = [models.UniqueConstraint(fields=["job", "attempt", "offset"], name="log_chunk_once")]


class RunFile(models.Model):
    """A file the contestant's program left in /output."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="run_file_once")]


class JobUpload(models.Model):
    """Bytes a running attempt has sent; only its finish may turn them into results."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="uploads")
    attempt = models.PositiveSmallIntegerField()
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "attempt", "blob"], name="job_upload_once")]
