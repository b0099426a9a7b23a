"""The settings of the census: where summaries go, and what workers say in them."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from instar.core.census_message import TOPIC
from instar.project.model import Strict, TopicName, duration_s


class CensusSettings(Strict):
    """``[tool.instar.census]``.

    ``topic`` takes the summaries; results stand in ``<topic>.results``. ``workers``: do workers tell which versions
    they read? They do so once in ``every`` at most. ``producer_header`` names the header by which producers say who
    they are; without it, workers count by topic alone. ``window`` is the length of the windows that are counted. A
    program that has not told of itself for ``forget_after`` no longer counts as one that needs its versions. Results
    are kept for 30 days, so it is no longer than that.
    """

    topic: TopicName = TOPIC
    workers: bool = False
    every: Annotated[int, BeforeValidator(duration_s)] = Field(default=10)  # written "10s", held in seconds
    producer_header: Annotated[str, Field(min_length=1)] | None = None
    window: Annotated[int, BeforeValidator(duration_s)] = Field(default=60)
    forget_after: Annotated[int, BeforeValidator(duration_s)] = Field(default=30 * 86_400, le=30 * 86_400)
