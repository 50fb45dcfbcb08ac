"""`manage.py tidy` does at once what the hourly chore does; with --dry-run it tells what that would be."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from contests import blobs, storage, unnamed
from contests.models import Contest
from judge import retention

HOUR_S = 3600.0
MB = 1 << 20


class Command(BaseCommand):
    help = "Delete what old runs left behind (Contest.retention_days), expired uploads, and files that nothing needs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be deleted")

    def handle(self, *_args: str, **options: Any) -> None:
        dry: bool = options["dry_run"]
        for contest in Contest.objects.order_by("slug"):
            self._tell(contest)
        uploads = retention.expired_uploads(timezone.now()).count()
        if not dry:
            self.stdout.write("deleting …")
            blobs.remove_cut_short()
            retention.remove(within_s=HOUR_S)
        nameless = unnamed.removable()
        self.stdout.write(f"expired uploads: {uploads}")
        self.stdout.write(
            f"files that nothing refers to: {len(nameless)} ({sum(blob.size for blob in nameless) / MB:.1f} MB)"
        )
        if dry:
            self.stdout.write("files of the runs above join them; this was a dry run: nothing was changed")
            return
        removed = unnamed.remove_rows(within_s=HOUR_S)
        self.stdout.write(f"deleted {removed.files} files, {removed.bytes / MB:.1f} MB")

    def _tell(self, contest: Contest) -> None:
        left = retention.left(contest, timezone.now())
        kept = "for ever" if contest.retention_days is None else f"{contest.retention_days} days"
        what = (
            f"{left.runs} runs: {left.log_bytes / MB:.1f} MB of log, {left.files} files "
            f"({left.file_bytes / MB:.1f} MB), {left.samples} points of usage"
            if left.runs
            else "nothing"
        )
        limit = "" if contest.storage_mb is None else f" of {contest.storage_mb} MB"
        used = f"{storage.used(contest) / MB:.1f}{limit or ' MB'}"
        self.stdout.write(f"{contest.slug}: {what} to delete (kept {kept}); handed in: {used}")
