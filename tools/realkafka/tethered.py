"""Becomes another program that the kernel kills when the process that started it ends, however that ends.

Run as `python tethered.py PARENT_PID PROGRAM ARGUMENT...`. A test run that is killed must not leave a broker behind,
and an exit handler does not run on SIGKILL; PR_SET_PDEATHSIG does, and it survives exec. It is set here, after the
fork and in a process of its own, because Python code between fork and exec of a threaded process can dead-lock.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tether(parent_pid: int) -> None:
    """Ties this process to its parent; ends it at once where the parent is already gone."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        sys.exit("the process that wanted this server has ended")


if __name__ == "__main__":
    tether(int(sys.argv[1]))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a parent that waits for signals blocks them; exec would keep that
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the program was resolved by the caller
