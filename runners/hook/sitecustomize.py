"""Import what most programs import, wait for a job, leave no trace. See docs/adr/0011.

Theory of operation. The interpreter was started with the very command line of a job, `python /submission/main.py`.
It imports `site`, and with it this file, before it looks for its program. Here it imports the preload list, says
so on standard output, and waits for a message on the descriptor PODIUM_HOLD. By then the program lies in its place;
we take back what made the interpreter find us and return, and it goes on as any interpreter does: `__main__`,
tracebacks and exit status are those of a plain run because it is one. So that this module itself is not found in
`sys.modules`, it ends by failing to be imported, which `site` takes as: there is no sitecustomize. Nothing but
what the interpreter has loaded anyway is imported on our own account.
"""

import gc
import os
import sys

_environ = os.environ  # noqa: TID251 - the sandbox's own


def wait() -> None:
    """Until the message; then descriptors, arguments and variables are as the message says."""
    known = len(sys.modules)
    hold = int(_environ.pop("PODIUM_HOLD"))
    preload = _environ.pop("PODIUM_PRELOAD").split(",")
    place = _environ.pop("PYTHONPATH")
    tell = int(_environ.pop("PODIUM_READY", "1"))
    del sys.modules["gc"]  # unless a library wants it
    try:
        gc.disable()
        for name in filter(None, preload):
            __import__(name)
        sys.path.remove(place)
        gc.enable()
        if len(sys.modules) > known:
            # A fifth of a second less at the end of every program: nothing of this is ever collected.
            gc.collect()
            gc.freeze()
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(tell, b"\0podium: ready\0\n")
        length = b""
        while not length.endswith(b"\0"):
            length += _read(hold, 1)
        body = b""
        while len(body) < int(length[:-1]):
            body += _read(hold, int(length[:-1]) - len(body))
    except BaseException as error:  # noqa: BLE001 - whatever a library raises, there is nothing to go on with
        os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
        os._exit(70)
    if hold == 0:
        _no_input()
    else:
        os.close(hold)
    fields = [os.fsdecode(field) for field in body.split(b"\0")[:-1]]
    count = int(fields[0])
    program = len(sys.orig_argv) - len(sys.argv) + 1
    sys.argv[1:] = fields[1 : 1 + count]
    sys.orig_argv[program:] = sys.argv[1:]
    for pair in fields[1 + count :]:
        name, _, value = pair.partition("=")
        _environ[name] = value
    sys.path_importer_cache.pop(place, None)


def _read(hold: int, most: int) -> bytes:
    chunk = os.read(hold, most)
    if not chunk:
        os._exit(70)  # whoever held us is gone
    return chunk


def _no_input() -> None:
    """A container is held by its standard input: a plain run's is empty, and was never anything else."""
    import io  # noqa: PLC0415 - only here, and always loaded

    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    old = sys.stdin
    buffer = io.open(0, "rb", closefd=False)  # noqa: SIM115, UP020 - as the interpreter makes its own
    buffer.raw.name = "<stdin>"  # type: ignore[attr-defined]
    sys.stdin = io.TextIOWrapper(buffer, old.encoding, old.errors, newline="\n")
    sys.stdin.mode = "r"  # type: ignore[misc]
    sys.__stdin__ = sys.stdin  # type: ignore[misc]


if "PODIUM_HOLD" in _environ:
    wait()
    del sys.modules["sitecustomize"]
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401 - the host's own, which we stood in front of
    except ImportError as error:
        raise ImportError(name="sitecustomize") from error
