"""The settings of the census: where summaries go, and what workers say in them."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from instar.core.census_message import TOPIC
from instar.project.model import Strict, TopicName, duration_s


class CensusSettings(Strict):
    """``[tool.instar.census]``.

    ``topic`` takes the summaries; results stand in ``<topic>.results``. ``workers``: do workers tell which versions
    they carry? They do so once in ``every`` at most. ``producer_header`` names the header by which producers say who
    they are; without it, workers count by topic alone. ``window`` is the length of the windows that are counted.
    """

    topic: TopicName = TOPIC
    workers: bool = False
    every: Annotated[int, BeforeValidator(duration_s)] = Field(default=10)  # written "10s", held in seconds
    producer_header: Annotated[str, Field(min_length=1)] | None = None
    window: Annotated[int, BeforeValidator(duration_s)] = Field(default=60)
