"""Files that organisers send: written before anything refers to them."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from contests import blobs
from contests.models import Blob
from rest.errors import Refused


class Written(NamedTuple):
    sha256: str
    size: int


class FileSerializer(serializers.Serializer[Any]):
    file = serializers.FileField()


def the_file(request: Request) -> UploadedFile[Any]:
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise Refused("no_file", _("Send the file as the multipart field “file”."))
    if not file.size:
        raise Refused("empty", _("The file is empty."))
    return file


def written(file: UploadedFile[Any]) -> Written:
    limit = settings.PODIUM_MAX_DATA_MB
    try:
        return Written(*blobs.write(file.chunks(), max_bytes=limit << 20))
    except blobs.TooLarge as error:
        raise Refused(
            "too_large", _("The file is larger than the limit of %(limit)s MB.") % {"limit": limit}, 413
        ) from error


def record(kept: Written) -> Blob:
    return blobs.record(kept.sha256, kept.size)
