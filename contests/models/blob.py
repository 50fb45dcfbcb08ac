"""Files by their content."""

from __future__ import annotations

from django.db import models


class Blob(models.Model):
    """A file by its content. The bytes lie in the blob store under the same name."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    # When it was last handed out by its digest alone, with no row that refers to it (blobs.store_bytes).
    named_at = models.DateTimeField(null=True, editable=False)


class Removal(models.Model):
    """Bytes that are being deleted, or were within the last hour (contests.unnamed)."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    announced_at = models.DateTimeField()
    done = models.BooleanField(default=False)
