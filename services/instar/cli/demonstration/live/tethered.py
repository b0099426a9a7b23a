"""Becomes a command that the kernel ends when the demonstration ends, however that ends.

Run as ``python tethered.py PARENT_PID PROGRAM ARGUMENT...``. A demonstration that is killed runs no handler, and its
workers would go on. PR_SET_PDEATHSIG survives exec. It is set in a process of its own, because Python code between fork
and exec of a threaded process can dead-lock.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tether(parent_pid: int) -> None:
    """SIGTERM for this process when its parent ends; ends it at once where the parent is gone already."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        sys.exit("the demonstration has ended")


if __name__ == "__main__":
    tether(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - this Python
