"""5.0.0 to 6.0.0: check runs may wait, and name the deployment that they belong to.

A run or suite that waits is queued to readers who do not know waiting: it has not begun either way.
"""

import repository

from instar.changes import add, inside, map_values

changes = [
    inside("repository", repository.SINCE_6_0_0),
    map_values("check_run.status", {}, down={"waiting": "queued"}),
    map_values("check_run.check_suite.status", {}, down={"waiting": "queued"}),
    add("check_run.deployment"),
]
