"""Runs in the first stage of an image's build (runners/images/Dockerfile): the environment is installed, as /env.

It is the builder of this host's environments that works here, so that packages, what is withheld, compiled modules and
the trial are the same; each of its steps is printed as a line, which the builder outside reads.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

HERE = Path("/podium")
TARGET = Path("/env")


def main() -> int:
    sys.path.insert(0, str(HERE))
    settings = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
    os.environ.update(settings)  # noqa: TID251  this process is uv's parent and nothing else
    os.environ["PATH"] = f"{HERE}/bin:{os.environ['PATH']}"  # noqa: TID251
    os.environ["UV_CACHE_DIR"] = str(HERE / "cache")  # noqa: TID251
    os.environ["PODIUM_TORCH_INDEX"] = os.environ.get("TORCH_INDEX", "")  # noqa: TID251
    if os.environ.get("OFFLINE"):  # noqa: TID251
        os.environ |= {"UV_NO_INDEX": "1", "UV_OFFLINE": "1"}  # noqa: TID251

    from runners.environments import BuildError, build  # noqa: PLC0415  it lies beside us only now
    from runners.environments.display import Display  # noqa: PLC0415

    (definition,) = (HERE / "images").iterdir()
    try:
        built = build(definition.name, HERE / "built", Display(sys.stdout).show, images=HERE / "images")
    except BuildError as error:
        sys.stdout.write(f"failed: {error}\n")
        return error.exit_code
    built.rename(TARGET)
    (TARGET / "READY").unlink()
    shutil.rmtree(HERE / "cache", ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
