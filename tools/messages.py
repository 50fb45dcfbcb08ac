"""`make messages`: collects the texts of the source into locale/ and compiles them (needs Debian's gettext).

The compiled catalogue is committed, so that installing needs no gettext. `compile` as the only argument leaves
collecting out. Ends with 1 while a text has no translation; tests/test_translations.py holds the rest.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
NOT_READ = ("var", ".venv", "tests", "tools", "benchmarks", "static", "docs")
# No dates and names of people: the file changes only when a text does.
LEFT_OUT = (
    "Report-Msgid-Bugs-To",
    "POT-Creation-Date",
    "PO-Revision-Date",
    "Last-Translator",
    "Language-Team",
)


def collect() -> None:
    command = [sys.executable, "manage.py", "makemessages", "-l", "zh_Hans"]
    command += ["--add-location=file", "--no-wrap", "--no-obsolete"]
    for folder in NOT_READ:
        command += ["-i", folder]
    subprocess.run(command, cwd=ROOT, check=True)


def compile_catalogue() -> list[str]:
    """Write django.mo; returns the texts that have no finished translation."""
    catalogue = polib.pofile(str(CATALOGUE))
    for field in LEFT_OUT:
        catalogue.metadata.pop(field, None)
    catalogue.save()
    catalogue.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))
    return [entry.msgid for entry in catalogue if not entry.translated()]


if __name__ == "__main__":
    if sys.argv[1:] != ["compile"]:
        collect()
    missing = compile_catalogue()
    sys.stdout.write("\n  ".join([f"{len(missing)} texts to translate", *missing]) + "\n")
    sys.exit(1 if missing else 0)
