"""Any command as a process of its own, which a failpoint may stop or end."""

import os
import subprocess
import sys

from tests.support.projects import Shop
from tests.support.workers import SERVICES, WorkerProcess


class CommandProcess(WorkerProcess):
    """``instar ARGUMENTS`` in the project's folder."""

    def __init__(self, shop: Shop, arguments: tuple[str, ...], failpoint: str = "") -> None:
        number = 1 + sum(1 for _ in shop.root.glob("command-*.stdout"))
        self._stdout = shop.root / f"command-{number}.stdout"
        self._stderr = shop.root / f"command-{number}.stderr"
        self._log = shop.root / f"command-{number}.failpoints"
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SERVICES), os.environ.get("PYTHONPATH", "")])}
        variables |= {"INSTAR_FAILPOINT": failpoint, "INSTAR_FAILPOINT_LOG": str(self._log)}
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "instar", *arguments],
                cwd=shop.root,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
