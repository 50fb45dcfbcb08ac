"""Files by their content."""

from __future__ import annotations

from django.db import models


class Blob(models.Model):
    """A file by its content. The bytes lie in the blob store under the same name."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
