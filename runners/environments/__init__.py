"""The Python environments that sandboxes run in: what they hold, and building them with uv.

Standard library only.

Theory of operation. `runners/images/<name>/` says what an environment holds: `requirements.txt` (a reason per
line), `requirements.lock` (what is really installed), `preload.txt` (modules a warm sandbox imports
beforehand) and `environment.toml` (a title, the disk a build needs, and `withheld`: files that packages
bring and contestants' code must not find, such as data sets with labels; they are removed after installing).
The version is the first 12 hex digits of the SHA-256 of the lock and of what is withheld, so a changed lock is
another environment beside the old one, and a task that pinned the old one keeps it.

    <root>/<name>/<version>/            a relocatable venv; the sandbox mounts it read-only as /env
    <root>/<name>/<version>/READY       written last, before the directory gets its name
    <root>/<name>/<version>.building/   half-built; thrown away by the next builder
    <root>/<name>/<version>.lock        flock: one builder at a time
    <root>/<name>/<version>.progress.json

The directory gets its name by one rename when everything in it is done, so whatever dies at whatever moment,
a directory with its final name is complete. A build killed half-way starts again, but from uv's download
cache. uv inherits the lock's descriptor, so an orphan of a killed builder is waited for, never raced; where the
kernel offers it, uv dies with its builder.

Modules are compiled while building: the sandbox mounts the environment read-only, so what is not compiled
here is compiled again by every single run (`import numpy, pandas, sklearn.metrics`: 0.9 s with, 2.5 s
without).
"""

from __future__ import annotations

from runners.environments.building import build
from runners.environments.catalogue import Definition, definitions, find, interpreter, ready
from runners.environments.failures import BuildError, DiskTooSmallError, PackagesUnreachableError
from runners.environments.packages import fetch
from runners.environments.progress import Progress, progress

__all__ = [
    "BuildError",
    "Definition",
    "DiskTooSmallError",
    "PackagesUnreachableError",
    "Progress",
    "build",
    "definitions",
    "fetch",
    "find",
    "interpreter",
    "progress",
    "ready",
]
