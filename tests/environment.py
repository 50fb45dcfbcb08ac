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
    # Many tests are one person at one address; the throttles have tests of their own.
    **{
        f"PODIUM_API_{scope}_PER_MINUTE": "0" for scope in ("ANONYMOUS", "USER", "UPLOADS", "TOKENS", "BOARD")
    },
)
