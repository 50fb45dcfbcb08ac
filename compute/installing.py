"""The runner that this site serves, and the commands that install it."""

from __future__ import annotations

import functools

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from compute import wheel
from compute.wheel import Wheel


@functools.cache
def runner() -> Wheel:
    """The wheel of this site's own code; built once a process, in some 10 ms."""
    return wheel.build(settings.BASE_DIR)


def site_address(request: HttpRequest) -> str:
    """Where a runner host finds this site: the address the operator named, else the one that was just used."""
    return str(settings.PUBLIC_URL or request.build_absolute_uri("/")).rstrip("/")


def wheel_path() -> str:
    """The wheel's address on this site, with its hash: pip refuses other bytes."""
    return f"{reverse('compute:wheel', args=[runner().filename])}#sha256={runner().sha256}"


def requirement(request: HttpRequest) -> str:
    """What to hand to pip. By address and hash: a bare name could be met by another index's package."""
    return f"{wheel.PROJECT} @ {site_address(request)}{wheel_path()}"


def command(request: HttpRequest) -> str:
    """The line that installs exactly this site's version."""
    return f'pip install --upgrade "{requirement(request)}"'
