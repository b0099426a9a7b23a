"""The table of all named conversions, and reading a name such as ``cents -> decimal``."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from instar.core.upcasting.conversions import numbers, texts, times
from instar.core.upcasting.conversions.conversion import Form, Make
from instar.core.upcasting.operation import Misfit

FORMS: Mapping[str, Form] = {form.name: form for family in (times, numbers, texts) for form in family.FORMS}
CONVERSIONS: Mapping[tuple[str, str], Make] = {**times.CONVERSIONS, **numbers.CONVERSIONS, **texts.CONVERSIONS}


class Named(NamedTuple):
    """A conversion by name: its two forms, the way there, and the way back where there is one."""

    source: Form
    target: Form
    there: Make
    back: Make | None


def named(text: str) -> Named:
    """Read ``cents -> decimal``. Raises ``Misfit`` (unknown-conversion) that names the nearest known one."""
    source, arrow, target = (part.strip() for part in text.partition("->"))
    make = CONVERSIONS.get((source, target))
    if not arrow or make is None:
        names = [f"{start} -> {end}" for start, end in CONVERSIONS]
        close = get_close_matches(" ".join(text.split()), names, n=1, cutoff=0.85)
        from_same = [name for name in names if name.startswith(f"{source} -> ")]
        known = f"from {source} there are: {', '.join(from_same)}" if from_same else f"known are: {', '.join(names)}"
        raise Misfit(
            "unknown-conversion",
            f"there is no conversion {text!r}",
            remedy=f"did you mean {close[0]!r}?" if close else f"{known}; or give functions: up=..., down=...",
        )
    return Named(FORMS[source], FORMS[target], make, CONVERSIONS.get((target, source)))
