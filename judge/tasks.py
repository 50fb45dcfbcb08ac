"""Celery chores of the judge. Each is idempotent: delivered twice or never, nothing is counted twice or lost."""

from __future__ import annotations

from celery import shared_task

from contests import blobs
from judge import lease


@shared_task(name="judge.sweep")
def sweep() -> None:
    """Pre: any. Post: no job whose last attempt died is left running; every claimable job's pool was rung."""
    lease.sweep()


@shared_task(name="judge.tidy")
def tidy() -> None:
    """Pre: any. Post: no upload that was cut short more than an hour ago takes up disk."""
    blobs.remove_cut_short()
