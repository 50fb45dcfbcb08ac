"""Sets the tests' own environment before Django reads its settings (loaded by `-p tests.environment`)."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_var = Path(tempfile.mkdtemp(prefix="podium-tests-"))
atexit.register(shutil.rmtree, _var, ignore_errors=True)
os.environ.update(  # noqa: TID251
    PODIUM_VAR=str(_var),
    PODIUM_PLAIN_HTTP="1",
    PODIUM_SECRET_KEY="only-for-tests",
    PODIUM_ALLOWED_HOSTS="127.0.0.1,localhost,testserver",
)
