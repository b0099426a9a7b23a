"""The Java and the Maven of this machine."""

import functools
import re
import shutil
import subprocess

from realkafka.errors import Unavailable

MINIMUM_JAVA = 17  # Kafka 4 brokers are compiled for Java 17
VERSION_TIMEOUT_S = 60


@functools.cache
def java_version() -> str | None:
    """The full version of the `java` on PATH ("17.0.15"), or None where there is none that runs."""
    java = shutil.which("java")
    if java is None:
        return None
    said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False)
    found = re.search(r'version "([^"]+)"', said.stderr + said.stdout)
    return found[1] if found else None


def why_no_java() -> str | None:
    """What is wrong with this machine's Java, or None where it can run a broker."""
    version = java_version()
    if version is None:
        return f"there is no java on PATH; install Java {MINIMUM_JAVA} or newer"
    # Java 8 and older call themselves 1.8; everything since 9 begins with its own number.
    major = int(re.split(r"[.\-+_]", version)[0])
    if major < MINIMUM_JAVA:
        return f"the java on PATH is {version}; install Java {MINIMUM_JAVA} or newer"
    return None


def why_no_fetch() -> str | None:
    """What keeps this machine from fetching the servers, or None where nothing does."""
    reason = why_no_java()
    if reason is None and shutil.which("mvn") is None:
        return "there is no mvn on PATH; install Apache Maven 3.6 or newer"
    return reason


def java_path() -> str:
    """The path of a `java` that can run a broker.

    Raises:
        Unavailable: there is none, or it is too old.
    """
    reason = why_no_java()
    java = shutil.which("java")
    if reason is not None or java is None:
        raise Unavailable(f"A real server needs Java: {reason or 'java vanished from PATH'}.")
    return java
