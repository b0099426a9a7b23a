"""6.0.0 to 7.0.0: repositories tell whether commits need a sign-off; times are named as such."""

import app
import repository

from instar.changes import inside

changes = [
    inside("repository", repository.SINCE_7_0_0),
    inside("check_run.app", app.SINCE_7_0_0),
    inside("check_run.check_suite.app", app.SINCE_7_0_0),
]

lost = {"down": ["check_run.app.events", "check_run.check_suite.app.events"]}
