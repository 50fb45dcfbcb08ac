"""`python traced.pyz <program>`: what `python <program>` does, and a few words about an exception that ends it.

The program is the __main__ module itself, with its own argv and path, and it ends as it would have ended: the same
traceback on stderr, the same exit status. Only if an exception ends it, /output/trace.json is left behind: own file
and line, and the nearest known class. The program can write that file as well; the site believes no word that is not
one of a few (judge.withholding).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

from runners.traced.known import nearest

ROOT, OUTPUT = "/submission", "/output"
TRACE = "trace.json"


def main() -> None:
    program = sys.argv[1]
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(program).parent)
    for name in [name for name in sys.modules if name.partition(".")[0] == "runners"]:
        del sys.modules[name]  # a project may have modules of these names
    namespace = _as_main(program)
    try:
        exec(_compiled(program), namespace)  # noqa: S102 - in the sandbox, and what it is for
    except SystemExit as ended:
        if ended.code not in {None, 0}:
            _leave(ended)
        raise
    except BaseException as error:
        _leave(error)
        raise


def _as_main(program: str) -> dict[str, Any]:
    """The namespace of __main__ as a plain run of the program finds it."""
    namespace = vars(sys.modules["__main__"])
    for name in [*namespace]:
        if name not in {"__name__", "__builtins__"}:
            del namespace[name]
    given: dict[str, Any] = {
        "__doc__": None,
        "__package__": None,
        "__loader__": None,
        "__spec__": None,
        "__annotations__": {},
    }
    namespace |= given | {"__file__": program, "__cached__": None}
    return namespace


def _compiled(program: str) -> CodeType:
    return compile(Path(program).read_bytes(), program, "exec", dont_inherit=True)


def _leave(error: BaseException) -> None:
    """Write the trace. What goes wrong here is nobody's loss."""
    with contextlib.suppress(Exception):
        file, line = _place(error)
        told = {"file": file, "line": line, "exception": nearest(type(error))}
        draft = Path(OUTPUT, f".{TRACE}")
        draft.write_text(json.dumps(told), "utf-8")
        draft.replace(Path(OUTPUT, TRACE))


def _place(error: BaseException) -> tuple[str, int]:
    """The innermost line of the contestant's own files that the exception passed; ("", 0) for none."""
    found = ("", 0)
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        found = _own(error.filename, error.lineno) or found
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        found = _own(trace.tb_frame.f_code.co_filename, trace.tb_lineno) or found
        trace = trace.tb_next
    return found


def _own(file: str, line: int) -> tuple[str, int] | None:
    inside = os.path.relpath(file, ROOT)
    return None if inside.startswith("..") else (inside, line)
