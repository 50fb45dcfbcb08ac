"""`die_with_parent.py SIGNAL PARENT PROGRAM ARGUMENT...` becomes PROGRAM, which gets SIGNAL when PARENT dies.

The kernel keeps this promise (PR_SET_PDEATHSIG), so a supervisor killed with -9 leaves nothing behind.
It is a program of its own because code between fork and exec of a process with threads may deadlock.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    signal_number, parent = int(sys.argv[1]), int(sys.argv[2])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:  # it died before we could ask
        sys.exit(1)
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - becoming that program is the point
