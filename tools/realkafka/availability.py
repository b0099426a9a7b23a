"""Whether the real servers can run here, and what to do where they cannot."""

import os

from realkafka.java import why_no_fetch, why_no_java
from realkafka.locations import Installation, kafka_installation, registry_installation

FETCH_COMMAND = "PYTHONPATH=tools python -m realkafka fetch"


def given_bootstrap() -> str | None:
    """The address of a broker that is already there (`INSTAR_TEST_BOOTSTRAP`), or None."""
    return os.environ.get("INSTAR_TEST_BOOTSTRAP") or None


def given_registry() -> str | None:
    """The address of a registry that is already there (`INSTAR_TEST_REGISTRY`), or None."""
    return os.environ.get("INSTAR_TEST_REGISTRY") or None


def why_no_own_kafka() -> str | None:
    """Why this machine cannot start brokers of its own, or None where it can."""
    return _why_not(kafka_installation())


def why_no_own_registry() -> str | None:
    """Why this machine cannot start registries of its own, or None where it can."""
    return _why_not(registry_installation())


def why_no_kafka() -> str | None:
    """Why there is no real broker to test against, or None where there is one."""
    return None if given_bootstrap() else why_no_own_kafka()


def why_no_registry() -> str | None:
    """Why there is no real registry to test against, or None where there is one."""
    return None if given_registry() else why_no_own_registry()


def _why_not(installation: Installation) -> str | None:
    if (reason := why_no_java()) is not None:
        return reason
    if installation.complete:
        return None
    missing = f"{installation.name} {installation.version} is not fetched"
    if (reason := why_no_fetch()) is not None:
        return f"{missing}, and {reason}"
    return f"{missing}; run `{FETCH_COMMAND}`"
