"""7.0.0 to 7.6.1: repositories have custom properties; content references are no event any more."""

import app
import repository

from instar.changes import inside

changes = [
    inside("repository", repository.SINCE_7_6_1),
    inside("deployment_status.performed_via_github_app", app.SINCE_7_6_1),
    inside("deployment.performed_via_github_app", app.SINCE_7_6_1),
]

EVENTS = ["deployment_status.performed_via_github_app.events", "deployment.performed_via_github_app.events"]
lost = {"up": EVENTS, "down": EVENTS}
