"""The Celery application: chores of the judge. Celery rings; the database decides."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging, task_postrun, task_prerun
from structlog.contextvars import bind_contextvars, clear_contextvars

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251

app = Celery("podium")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["judge"])


@setup_logging.connect
def _keep_our_log(**_: Any) -> None:
    """Celery would write lines of its own form; settings.LOGGING holds for it, too."""


@task_prerun.connect
def _name_task(task_id: str, task: Task[Any, Any], **_: Any) -> None:
    clear_contextvars()
    bind_contextvars(task=task.name, task_id=task_id)


@task_postrun.connect
def _forget_task(**_: Any) -> None:
    clear_contextvars()
