"""Put the tests' images where the virtual machine's daemon finds them: `python -m tools.v2.images FOLDER`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runners.environments import definitions
from runners.environments.image_engine import ImageEngine
from tests.docker import BASE_IMAGE, IMAGES, PrivateDaemon, daemon, prepare


def main() -> None:
    """Copy what is missing; a daemon of its own writes the folder and is gone afterwards."""
    names = [BASE_IMAGE, *(f"podium/{definitions()[name].identifier.replace('@', ':')}" for name in IMAGES)]
    with daemon() as ours, PrivateDaemon(Path(sys.argv[1])).used() as theirs:
        prepare(ours)
        there = ImageEngine(theirs)
        for name in (name for name in names if there.image(name) is None):
            saved = subprocess.Popen(["docker", "-H", ours, "save", name], stdout=subprocess.PIPE)
            subprocess.run(["docker", "-H", theirs, "load"], stdin=saved.stdout, check=True)
            saved.wait()


if __name__ == "__main__":
    main()
