"""4.0.0 to 5.0.0: a status links to its environment and log; repositories tell their visibility and topics."""

import app
import repository

from instar.changes import add, inside

changes = [
    inside("repository", repository.SINCE_5_0_0),
    inside("deployment_status.performed_via_github_app", app.SINCE_5_0_0),
    inside("deployment.performed_via_github_app", app.SINCE_5_0_0),
    add("deployment_status.environment_url"),
    add("deployment_status.log_url"),
]

lost = {
    "down": ["deployment_status.performed_via_github_app.events", "deployment.performed_via_github_app.events"],
}
