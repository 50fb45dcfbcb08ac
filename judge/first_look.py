"""What the first bytes of a script tell: another kind of file under its name is refused at once, by its own name.

Nothing is parsed or run here. What looks like text is taken; whether it is Python, the interpreter in the sandbox says.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from contests.models import Submission, TaskVersion
from metrics.csv_records import KNOWN_KINDS, UTF16_BOMS

# A notebook is a JSON object with these two keys at its top; metadata and outputs may stand before either.
_NOTEBOOK = re.compile(rb'\s*\{.*"(?:nbformat|cell_type)"\s*:', re.DOTALL).match


def fault_of_script(head: bytes, version: TaskVersion) -> str:
    """Why these bytes are no script, as a sentence that says what to do; empty when they may be one."""
    if head.startswith(UTF16_BOMS):
        return _("This script is encoded as UTF-16. Save it as UTF-8 and hand it in again.")
    for magic, kind in KNOWN_KINDS:
        if head.startswith(magic):
            return _(
                "This is not a Python script: its format seems to be %(kind)s. Hand in the .py file itself."
            ) % {"kind": kind}
    if _NOTEBOOK(head):
        return _renamed_notebook(version)
    columns = sorted([version.id_column, *version.target_columns])
    first_line = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].decode(errors="replace").strip()
    if len(columns) > 1 and sorted(first_line.split(",")) == columns:
        return _("This is a file of predictions. Give it a name that ends in .csv and hand it in again.")
    return ""


def _renamed_notebook(version: TaskVersion) -> str:
    if Submission.Kind.NOTEBOOK in version.kinds:
        return _("This is a notebook. Give it a name that ends in .ipynb and hand it in again.")
    return _(
        "This is a notebook, and this task takes scripts. Export it from Jupyter as an executable script (.py)."
    )
