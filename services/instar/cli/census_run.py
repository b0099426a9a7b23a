"""``instar census run``: one instance of the program that counts the summaries."""

import contextlib
from typing import Annotated

import typer

from instar.census.run import run
from instar.census.topics import PARTITIONS, CensusTopics
from instar.cli.output import stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, kafka_settings, open_project
from instar.cli.stopping import stopping
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.operations.stating import state_of


def add_to(group: typer.Typer) -> None:
    group.command("run")(census_run)


def census_run(
    create: Annotated[bool, typer.Option("--create", help="Make the census's topics where they are missing.")] = False,
    partitions: Annotated[
        int, typer.Option(min=1, max=256, help="Of topics that are made: as many instances can share the work.")
    ] = PARTITIONS,
    keep: Annotated[
        bool, typer.Option("--keep", help="Also bring the results to the environment's state store.")
    ] = False,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Count what workers and clients say they read and write, until stopped.

    Start as many as you like, on any machines: they share the work, and take over when one of them dies. What is
    counted stands in the topic instar.census.results; `instar census show` reads it.
    """
    opened = open_project(project, environment)
    kafka = kafka_settings(opened, bootstrap)
    settings = opened.settings.census
    topics, cluster = CensusTopics(settings.topic), Cluster(kafka)
    if cluster.built_in:
        raise Refused(
            "The broker that is built into librdkafka cannot hold the census: other clients need a real group there.",
            "Use a real Kafka; `make kafka` starts one for development.",
        )
    count = topics.ready(cluster, create=create, partitions=partitions)
    stderr.print(
        f"Counting {topics.summaries} into {topics.results}, {count} partitions. Stop with Ctrl-C.", soft_wrap=True
    )
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(state_of(opened)).census if keep else None
        ending = stack.enter_context(stopping())
        forget_after_ms = settings.forget_after * 1000
        tally = run(kafka, topics, count, ending.event, settings.window * 1000, store, forget_after_ms)
    stderr.print(
        f"{tally.counted:,} summaries counted, {tally.repeated:,} read again, {tally.late:,} too late, "
        f"{tally.unusable:,} unusable.",
        soft_wrap=True,
    )
    return ending.exit_code
