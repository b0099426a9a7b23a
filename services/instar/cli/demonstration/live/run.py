"""The live demonstration: everything is brought up, goes on until it is stopped, and is put away."""

import logging
import re
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from instar.census.topics import CensusTopics
from instar.cli.demonstration.live.cast import Cast
from instar.cli.demonstration.live.commands import Commands, Running
from instar.cli.demonstration.live.names import SUBJECTS, Names, names_on
from instar.cli.demonstration.live.programs import Program
from instar.cli.demonstration.live.project import make_live_project
from instar.cli.demonstration.live.story import Story
from instar.cli.demonstration.live.telling import BUILT_IN, NO_FAUST, Teller
from instar.cli.demonstration.orders import PARTITIONS
from instar.cli.exits import ERROR, OK, fail
from instar.cli.output import stderr
from instar.cli.stopping import stopping
from instar.client.census import CensusTopic
from instar.core.control import TOPIC as CONTROL
from instar.kafka.built_in import BuiltInBroker
from instar.kafka.cluster import Cluster
from instar.kafka.entries import read_entries, write_entries
from instar.kafka.errors import KafkaTrouble

_SERVES = re.compile(r"http://127\.0\.0\.1:\d+")
_SERVES_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.25
_CLOSES_WITHIN_S = 10.0


def run_live(bootstrap: str | None, port: int) -> int:
    """Until Ctrl-C, which is its ordinary end: 0. ``bootstrap`` None: on the built-in broker."""
    teller = Teller(stderr)
    with ExitStack() as stack:
        stop = stack.enter_context(stopping()).event
        signal.signal(signal.SIGHUP, lambda *_: stop.set())  # the terminal was closed
        address = bootstrap or stack.enter_context(BuiltInBroker()).bootstrap
        kafka: dict[str, Any] = {"bootstrap.servers": address}
        cluster = Cluster(kafka)
        names = names_on(cluster)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="instar-demo-")))
        project = make_live_project(folder, names, address)
        logs = folder / "logs"
        logs.mkdir()
        stack.enter_context(_log_of_programs(logs / "programs.log"))
        stack.enter_context(_topics(cluster, names))
        census = CensusTopic(kafka, names.census)
        stack.callback(census.close)
        cast = Cast(project, names, kafka, census, stop)
        cast.write_the_past()

        def ended(command: Running, code: int) -> None:
            if code == OK:
                teller.happens("", f"{command.line} ended, as it was asked to")
            else:
                teller.happens("trouble", f"{command.line} ended with {code}:\n{command.tail()}")

        commands = Commands(folder, logs, ended)
        stack.callback(commands.close)
        server = commands.start("serve", "--port", str(port), goes_on=True)
        if server is None or (url := _address_of(server, stop)) is None:
            return OK
        has_faust = find_spec("faust") is not None
        notes = (*(BUILT_IN if cluster.built_in else ()), *(() if has_faust or cluster.built_in else (NO_FAUST,)))
        teller.opening(url, "built into this process" if cluster.built_in else f"Kafka at {address}", folder, notes)
        if has_faust and not cluster.built_in:
            commands.start("census", "run", goes_on=True)
            teller.happens("", "instar census run")
        programs = cast.programs()
        stack.enter_context(_at_work(programs, stop))
        story = Story(commands, project, names, teller.happens, stop, built_in=cluster.built_in)
        parts = [
            threading.Thread(target=story.play, args=(part,), name=part.__name__, daemon=True)
            for part in (story.orders, story.customers)
        ]
        for part in parts:
            part.start()
        told = False
        while not stop.wait(_LOOK_EVERY_S):
            commands.look()
            _tell_of_troubles(programs, teller)
            if server.process.poll() is not None:
                teller.happens("trouble", "without its server there is nothing to look at: this ends")
                return ERROR
            if not told and not any(part.is_alive() for part in parts):
                teller.what_next(url, folder, names, built_in=cluster.built_in, whole=story.whole)
                told = True
        stderr.print("\nending ...", style="dim")
        return OK


def _address_of(server: Running, stop: threading.Event) -> str | None:
    """Where it serves; None where it is told to stop before. Fails where it ends by itself, or says nothing."""
    deadline_s = time.monotonic() + _SERVES_WITHIN_S
    while not stop.wait(_LOOK_EVERY_S):
        found = _SERVES.search(server.said())
        if found is not None:
            return found[0]
        if server.process.poll() is not None:
            fail(f"The dashboard did not start:\n{server.tail()}", "Give another --port, or 0 for any free one.")
        if time.monotonic() > deadline_s:
            fail(f"The dashboard did not start within {_SERVES_WITHIN_S:.0f} s:\n{server.tail()}")
    return None


@contextmanager
def _log_of_programs(file: Path) -> Iterator[None]:
    """The client library's warnings go to a file: several programs in one terminal would drown what is told there."""
    log, handler = logging.getLogger("instar.client"), logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


@contextmanager
def _topics(cluster: Cluster, names: Names) -> Iterator[None]:
    """The topics of the demonstration; on a real cluster they are removed again with all that was made beside them."""
    try:
        for subject in SUBJECTS:
            cluster.create(names.old(subject), PARTITIONS, {"retention.ms": "-1"})
            if subject == "orders" or cluster.built_in:  # is written before its migration is applied
                cluster.create(names.new(subject), PARTITIONS, {"retention.ms": "-1"})
        if not cluster.built_in:
            CensusTopics(names.census).ready(cluster, create=True)
        yield
    finally:
        if not cluster.built_in:
            _remove(cluster, names)


def _remove(cluster: Cluster, names: Names) -> None:
    try:
        for topic in cluster.topics():
            if names.owns(topic):
                cluster.delete(topic)
        if cluster.find(CONTROL) is None:
            return
        entries, migrations = read_entries(cluster, CONTROL), tuple(f"{names.migration(each)}/" for each in SUBJECTS)
        ours = [key for key in entries if key.startswith(migrations)]
        if not names.tag and len(ours) == len(entries):
            cluster.delete(CONTROL)
        else:  # it is others' too: only what was said of our migrations
            write_entries(cluster, CONTROL, dict.fromkeys(ours))
    except KafkaTrouble as trouble:
        stderr.print(f"Some topics that begin with {names.tag or 'orders'} are left: {trouble}", markup=False)


@contextmanager
def _at_work(programs: list[Program], stop: threading.Event) -> Iterator[None]:
    """All of them work until the block ends, and end together."""
    for program in programs:
        program.start()
    try:
        yield
    finally:
        stop.set()
        deadline_s = time.monotonic() + _CLOSES_WITHIN_S
        for program in programs:
            program.join(max(0.0, deadline_s - time.monotonic()))


def _tell_of_troubles(programs: list[Program], teller: Teller) -> None:
    for program in programs:
        trouble, program.trouble = program.trouble, None
        if trouble is not None:
            teller.happens("trouble", f"{program.name} has ended: {trouble}")
