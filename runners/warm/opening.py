"""Whether a program must start cold: `must_be_cold`, from its text alone.

A warm interpreter has imported the environment's preload list before the program begins. Some libraries read
environment variables only while they are imported (thread counts, TF_*, CUDA_*): a program that sets variables before
it imports one of them would set them too late. Nothing is executed, and any bytes have an answer. What the text
does not show (variables set by a module of the program's own, or by exec) is not seen: `# podium: cold` in one of the
first lines says so.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterable, Iterator

# Of what is parsed; more is cold. Parsing takes some hundred times the memory, and the agent's time: of what is made
# to be slow to parse, so much takes a third of a second.
MAX_BYTES = 64 << 10
_FIRST_LINES = 20
_ASKED = re.compile(rb"^\s*#\s*podium\s*:\s*cold\s*$", re.IGNORECASE)
_MAGIC = re.compile(r"^(\s*)(?=[%!?])")  # lines that IPython takes, and Python does not
# In one of the first two lines, a coding that is not UTF-8: some take long, and in some no word looks like itself.
_FOREIGN = re.compile(rb"^[ \t\f]*#.*?coding[:=](?![ \t]*utf-?8(?![-\w]))", re.IGNORECASE)
_ENV_MAGIC = re.compile(r"pass  # %(?:set_)?env\b.*")
_SETTERS = frozenset({"putenv", "unsetenv"})
_CHANGES = frozenset({"update", "setdefault", "pop", "popitem", "clear", "__setitem__", "__delitem__"})


def must_be_cold(program: bytes, preload: Iterable[str]) -> bool:
    """Whether the program asks for a cold start, or sets variables before it imports what was preloaded."""
    lines = program.split(b"\n", _FIRST_LINES)[:_FIRST_LINES]
    if any(_ASKED.match(line) for line in lines) or any(_FOREIGN.match(line) for line in lines[:2]):
        return True
    if b"environ" not in program and b"env(" not in program:
        return False
    if len(program) > MAX_BYTES:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in a stranger's strings
            tree = ast.parse(program.decode("utf-8-sig"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # perhaps a newer Python's, or a notebook's: `files = !ls`, cells of another language
    return _sets_before_import(tree, {name.partition(".")[0] for name in preload})


def program_of_notebook(notebook: bytes) -> bytes:
    """The code of all cells in order, without magics; empty for what is no notebook, which will say so itself."""
    try:
        cells = json.loads(notebook.decode("utf-8-sig"))["cells"]
        code = [_text(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return b""
    lines = "\n".join(code).split("\n")
    plain = (_MAGIC.sub(r"\1pass  # ", line) if _MAGIC.match(line) else line for line in lines)
    return _ENV_MAGIC.sub("import os; os.environ['x'] = ''", "\n".join(plain)).encode("utf-8", "replace")


def _text(source: object) -> str:
    return "".join(source) if isinstance(source, list) else str(source)


def _sets_before_import(tree: ast.Module, preloaded: set[str]) -> bool:
    """In the order of the text, whatever is a function: one may be called before the next line."""
    seen = sorted((node for node in ast.walk(tree) if hasattr(node, "lineno")), key=_place)
    names = {"environ"}  # what os.environ is called here
    sets = False
    for node in seen:
        if isinstance(node, ast.ImportFrom) and node.module == "os" and not node.level:
            names |= {alias.asname or alias.name for alias in node.names if alias.name == "environ"}
        if isinstance(node, ast.Assign) and _is_environ(node.value, names):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        sets = sets or _sets(node, names)
        if sets and any(name in preloaded for name in _imported(node)):
            return True
    return False


def _sets(node: ast.AST, names: set[str]) -> bool:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return _is_environ(node.value, names)
    if isinstance(node, ast.Call):
        return _calls_setter(node, names)
    if isinstance(node, ast.AugAssign):  # os.environ |= {...}
        return _is_environ(node.target, names)
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == "environ"


def _calls_setter(node: ast.Call, names: set[str]) -> bool:
    called = node.func
    if isinstance(called, ast.Name):
        return called.id in _SETTERS
    if not isinstance(called, ast.Attribute):
        return False
    return called.attr in _SETTERS or (called.attr in _CHANGES and _is_environ(called.value, names))


def _is_environ(node: ast.AST, names: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    return isinstance(node, ast.Attribute) and node.attr in {"environ", "environb"}


def _imported(node: ast.AST) -> Iterator[str]:
    """Top-level names of the modules that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in {"__import__", "import_module"} and isinstance(node.args[0].value, str):
            yield node.args[0].value.partition(".")[0]


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
