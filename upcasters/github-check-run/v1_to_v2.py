"""4.0.0 to 5.0.0: repositories tell their visibility, topics and whether they are templates."""

import app
import repository

from instar.changes import inside

changes = [
    inside("repository", repository.SINCE_5_0_0),
    inside("check_run.app", app.SINCE_5_0_0),
    inside("check_run.check_suite.app", app.SINCE_5_0_0),
]

lost = {"down": ["check_run.app.events", "check_run.check_suite.app.events"]}
