"""Who is told, with everything resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Webhook:
    """The URL may be a secret itself, and is never shown beyond its host."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    allow_http: bool = False  # beyond this machine


@dataclass(frozen=True, slots=True)
class Program:
    """Started in ``folder`` without a shell. Of ``environ`` it gets ``PATH``, ``HOME`` and the like."""

    argv: tuple[str, ...]
    folder: Path
    environ: Mapping[str, str] = field(repr=False)


Target = Webhook | Program
