"""Becomes another program under another user, which the kernel kills when the process that started it ends.

Run as `python as_user.py PARENT_PID UID GID PROGRAM ARGUMENT...`; PARENT_PID 0 ties it to nobody. PostgreSQL refuses to
run as root. The tie is made after the change of user, because that change undoes an earlier one (prctl(2),
PR_SET_PDEATHSIG).
"""

import os
import runpy
import sys
from pathlib import Path

# By path: this runs without any package, so that it starts quickly and needs nothing but Python itself.
TETHERED = Path(__file__).resolve().parents[1] / "realkafka" / "tethered.py"

if __name__ == "__main__":
    parent_pid, uid, gid = (int(argument) for argument in sys.argv[1:4])
    tether = runpy.run_path(str(TETHERED))["tether"]  # before the change: the other user may not read this folder
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if parent_pid:
        tether(parent_pid)
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - the program was resolved by the caller
