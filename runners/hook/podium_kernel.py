"""Keep a notebook's kernel waiting beside its waiting driver. Imported by sitecustomize, in the driver's interpreter.

Theory of operation. A kernel is a process of its own, with the libraries that the cells import. Here one is started
with the very command line of a kernel, `python -m ipykernel_launcher`, and held by the same hook in front of it. What
`-f` says and its variables it is told when the driver (runners.notebook.held) lets it go: from then on it starts as
any kernel does, with what takes longest done. The driver finds this module in `sys.modules`; nobody else looks.
"""

import os
import socket
import subprocess
import sys

_environ = os.environ  # noqa: TID251 - the sandbox's own
_READY = b"\0podium: ready\0\n"


def _start() -> None:
    global process, message, errors, environment  # noqa: PLW0603 - the module is the handle
    message, waiting = socket.socketpair()
    errors, writing = os.pipe()
    hold = str(waiting.fileno())
    preload = ",".join(filter(None, (*_ITS_OWN, _environ.pop("PODIUM_KERNEL_PRELOAD"))))
    environment = dict(_environ)
    # The hook that imports us has taken its variables away; the kernel's interpreter needs them again.
    told = {"PYTHONPATH": os.path.dirname(__file__), "PODIUM_HOLD": hold, "PODIUM_PRELOAD": preload}  # noqa: PTH120
    process = subprocess.Popen(
        [sys.executable, *COMMAND],
        env={**environment, **told, "PODIUM_READY": hold},
        cwd="/output",
        stdin=subprocess.PIPE,  # and closed at once, as for any kernel
        stdout=subprocess.DEVNULL,
        stderr=writing,
        pass_fds=(waiting.fileno(),),
        start_new_session=True,
    )
    process.stdin.close()  # type: ignore[union-attr]
    waiting.close()
    os.close(writing)
    said = b""
    while not said.endswith(_READY):
        chunk = message.recv(1)
        if not chunk:
            raise ImportError(os.read(errors, 1 << 16).decode("utf-8", "replace"))
        said += chunk


COMMAND = ("-m", "ipykernel_launcher")
_ITS_OWN = ("ipykernel.kernelapp", "ipykernel.ipkernel", "IPython.core.interactiveshell")
process: subprocess.Popen[bytes]
message: socket.socket  # what lets it go
environment: dict[str, str]  # what it has
errors: int  # the reading end of its standard error
_start()
