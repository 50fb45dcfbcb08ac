"""How one cell becomes a number or a class.

Numbers are written as programming languages write them: ASCII digits, a point, an exponent. Python's own
`float()` is far more lenient (`1_000`, `nan`, Arabic digits), so a pattern decides first. Magnitudes are held
below `LARGEST` for every row alike: squares and sums then stay finite, so no overflow can tell which rows a
score is made of.

Classes: if every label of the solution is a whole number in its plain form (`7`, `-1`, not `007`), the task's
classes are whole numbers and a prediction must be one: `7`, `7.0`, `7.000e+00` are the class 7 (pandas and
NumPy write them so), `7.4` and `seven` are refused. Otherwise classes are text, compared exactly. Spaces
around a cell do not count. A class that the solution does not have is simply wrong: refusing it would tell
which classes the hidden rows have.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable

from metrics.complaints import Refused, shown

LARGEST = 1e100
MAX_NUMBER_CHARACTERS = 400
MAX_LABEL_CHARACTERS = 1_000
MAX_SPELLINGS = 10_000  # of known classes that are looked up at once: 7, 7.0, 7.00, …
LARGEST_CLASS = 2**53  # beyond it a float no longer tells whole numbers apart

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*", re.ASCII).fullmatch
_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,15}", re.ASCII).fullmatch
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity|null|none|na|n/a|<na>|#n/a)", re.IGNORECASE).fullmatch
_SEPARATED = re.compile(r"[+-]?\d{1,3}(?:[_' ,]\d{3})+(?:\.\d+)?|[+-]?\d+(?:_\d+)+(?:\.\d+)?").fullmatch
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?").fullmatch


def number(text: str) -> float:
    """The finite number in a cell. Raises Refused with a code that says what is wrong."""
    if len(text) <= MAX_NUMBER_CHARACTERS and _NUMBER(text):
        value = float(text)
        if -LARGEST <= value <= LARGEST:
            return value
    raise _refusal(text)


def probability(text: str) -> float:
    """A number between 0 and 1."""
    value = number(text)
    if not 0 <= value <= 1:
        raise Refused("not_a_probability", value=shown(text))
    return value


def _refusal(text: str) -> Refused:
    if len(text) > MAX_NUMBER_CHARACTERS:
        return Refused("cell_too_long", limit=MAX_NUMBER_CHARACTERS)
    bare = text.strip()
    if not bare:
        return Refused("blank_cell")
    return Refused(_number_fault(bare), value=shown(text))


def _number_fault(bare: str) -> str:
    if _NUMBER(bare) and math.isfinite(float(bare)):
        return "number_too_large" if abs(float(bare)) > LARGEST else "not_a_number"
    if _NUMBER(bare) or _NOT_FINITE(bare):
        return "not_finite"
    if any(char.isnumeric() and not char.isascii() for char in bare):
        return "foreign_digits"
    if _DECIMAL_COMMA(bare) and not (_SEPARATED(bare) and bare.count(",") > 1):
        return "decimal_comma"
    if _SEPARATED(bare):
        return "digit_separator"
    return "not_a_number"


class Classes:
    """The classes of a task and their codes 0, 1, 2, …; a prediction may add classes unknown so far.

    Of those only a digest is kept: a file may name a long class of its own in every row.
    """

    def __init__(self, solution_labels: Iterable[str]) -> None:
        bare = {label.strip() for label in solution_labels}
        self.whole_numbers = bool(bare) and all(
            _PLAIN_INTEGER(label) and abs(int(label)) < LARGEST_CLASS for label in bare
        )
        ordered = sorted(bare, key=int) if self.whole_numbers else sorted(bare)
        self._codes: dict[str, int] = {label: code for code, label in enumerate(ordered)}
        self.names: list[str] = list(ordered)
        self._by_text: dict[str, int] = {}
        self._strangers: dict[int, int] = {}

    def code(self, text: str) -> float:
        """The code of the class in a cell. Raises Refused for one that cannot name a class of this task."""
        known = self._by_text.get(text)
        if known is None:
            name = self._name(text)
            known = self._codes.get(name)
            if known is None:
                digest = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()
                strangers = self._strangers
                return strangers.setdefault(int.from_bytes(digest, "big"), len(self.names) + len(strangers))
            if len(self._by_text) < MAX_SPELLINGS:
                self._by_text[text] = known
        return known

    def _name(self, text: str) -> str:
        if len(text) > MAX_LABEL_CHARACTERS:
            raise Refused("cell_too_long", limit=MAX_LABEL_CHARACTERS)
        bare = text.strip()
        if not bare:
            raise Refused("blank_cell")
        if not self.whole_numbers:
            return bare
        value = number(text)
        if not value.is_integer() or abs(value) >= LARGEST_CLASS:
            raise Refused("label_not_integer", value=shown(text))
        return str(int(value))
