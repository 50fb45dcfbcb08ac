"""Which programs start cold: told from their text alone, whatever bytes it is."""

from __future__ import annotations

import time

import pytest

from runners.warm.opening import MAX_BYTES, must_be_cold

PRELOAD = ("numpy", "torch", "torch.nn", "sklearn.linear_model")
COLD = {
    "asks for it": "# podium: cold\nimport torch",
    "asks for it, loosely": "#!/usr/bin/env python\n\n  #  PODIUM:cold  \n",
    "sets a variable first": "import os\nos.environ['OMP_NUM_THREADS'] = '4'\nimport torch",
    "sets one by default": "import os\nos.environ.setdefault('A', '1')\nfrom torch.nn import Linear",
    "sets many": "import os\nos.environ.update(A='1')\nimport sklearn.tree",
    "adds many": "import os\nos.environ |= {'A': '1'}\nimport numpy as np",
    "takes one away": "import os\ndel os.environ['A']\nimport numpy",
    "under another name": "from os import environ as e\ne['A'] = '1'\nimport torch",
    "under a name of its own": "import os\nmine = os.environ\nmine['A'] = '1'\nimport torch",
    "by putenv": "import os\nos.putenv('A', '1')\nimport torch",
    "by putenv alone": "from os import putenv\nputenv('A', '1')\nimport torch",
    "in bytes": "import os\nos.environb[b'A'] = b'1'\nimport torch",
    "another environment": "import os\nos.environ = {}\nimport torch",
    "in a function": "import os\ndef f():\n    os.environ['A'] = '1'\nf()\nimport torch",
    "imported in a function": "import os\nos.environ['A'] = '1'\ndef f():\n    import torch\nf()",
    "imported by name": "import os, importlib\nos.environ['A'] = '1'\nimportlib.import_module('torch.nn')",
    "imported by __import__": "import os\nos.environ['A'] = '1'\n__import__('numpy')",
    "after another library": "import json, os\nimport csv\nos.environ['A'] = '1'\nimport torch, csv",
    "in one line": "import os; os.environ['A'] = '1'; import torch",
    "in Latin-1": "# coding: latin-1\nimport os\nos.environ['é'] = '1'\nimport torch".encode("latin-1"),
    "with odd escapes": "import os\nx = '\\d'\nos.environ['A'] = '1'\nimport torch",
    "too long to be parsed": "import os\nos.environ['A'] = '1'\n" + "x = 1\n" * (MAX_BYTES // 6),
    "no Python": "import os\nos.environ['A'] = \nimport torch",
    "not UTF-8": b"\xff\xfe environ \x00\x01 import torch",
    "a NUL": b"import os\nos.environ['A'] = '1'\x00\nimport torch",
    "in what does not look like itself": b"# coding: utf-7\nimport os\nos.+AGUAbgB2AGkAcgBvAG4-['A']='1'\nimport torch",
    "in another coding": b"#!/usr/bin/python\n# -*- coding: idna -*-\nprint()",
    "an unknown coding": b"# coding: nonsense\nimport os\nos.environ['A']='1'\nimport torch",
    "nested beyond reason": b"environ" + b"(" * 10_000,
    "a chain beyond reason": b"environ = " + b"-" * 50_000 + b"1\nimport torch",
}
WARM = {
    "plain": "import torch",
    "nothing": "",
    "reads one": "import os\nprint(os.environ['HOME'], os.getenv('A'))\nimport torch",
    "sets one afterwards": "import os, torch\nos.environ['A'] = '1'",
    "sets one for another library": "import os\nos.environ['A'] = '1'\nimport xgboost",
    "speaks of it": "# os.environ['A'] = '1'\nimport torch",
    "asks too late": "x = 1\n" * 30 + "# podium: cold\n",
    "asks in a string": "x = '# podium: cold'\n",
    "a relative import": "import os\nos.environ['A'] = '1'\nfrom . import torch",
    "a coding that is the usual one": "# -*- coding: utf-8 -*-\nimport os\nprint(os.environ['A'])\nimport torch",
    "another spelling of it": "# vim: set fileencoding=  UTF8 :\nimport os\nprint(os.environ['A'])\nimport torch",
    "with a mark at its beginning": "\ufeffimport os\nprint(os.environ['A'])\nimport torch",
    "a coding where none is looked for": "x = 1\ny = 2\n# coding: idna\n",
    "long, without a word of it": "x = 1\n" * (MAX_BYTES // 3),
}


@pytest.mark.parametrize("program", COLD.values(), ids=COLD.keys())
def test_starts_cold(program: str | bytes) -> None:
    assert must_be_cold(program if isinstance(program, bytes) else program.encode(), PRELOAD)


@pytest.mark.parametrize("program", WARM.values(), ids=WARM.keys())
def test_starts_warm(program: str | bytes) -> None:
    assert not must_be_cold(program if isinstance(program, bytes) else program.encode(), PRELOAD)


@pytest.mark.parametrize(
    "program",
    [
        b"f'" + b"{1}" * (MAX_BYTES // 3) + b"'",
        b"# coding: idna\n" + b"x = 1\n" * (4 * MAX_BYTES // 6),
        b"# coding: punycode\n" + b"x-" + b"a9" * (2 * MAX_BYTES),
        b"[" * 99 + b"]" * 99 + b"\n" + (b"[" * 99 + b"]" * 99 + b"\n") * (MAX_BYTES // 250),
        b"x = " + b"(" * MAX_BYTES,
    ],
    ids=["an f-string", "a slow coding", "a slower coding", "brackets", "open brackets"],
)
def test_what_is_made_to_be_slow_to_parse_takes_little_of_the_agents_time(program: bytes) -> None:
    mentions = b"\nimport os\nos.environ['A'] = '1'\n"
    began = time.process_time()
    must_be_cold(program + mentions, PRELOAD)
    assert time.process_time() - began < 1.0
