"""7.0.0 to 7.6.1: repositories have custom properties; content references are no event any more."""

import app
import repository

from instar.changes import inside

changes = [
    inside("repository", repository.SINCE_7_6_1),
    inside("check_run.app", app.SINCE_7_6_1),
    inside("check_run.check_suite.app", app.SINCE_7_6_1),
]

EVENTS = ["check_run.app.events", "check_run.check_suite.app.events"]
lost = {"up": EVENTS, "down": EVENTS}
