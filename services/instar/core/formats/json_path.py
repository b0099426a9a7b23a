"""Field paths as people read them: ``items[2].price``; a name that is not a plain word is quoted: ``["a b"]``."""

import re
from collections.abc import Iterable

Step = str | int

_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*\Z")
_NAME_LIMIT = 64  # characters of a name that are shown: a name may be data, and messages are for people


def path_text(steps: Iterable[Step]) -> str:
    """The path's text; no steps is the empty text, the record itself."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
            continue
        name = step if len(step) <= _NAME_LIMIT else step[: _NAME_LIMIT - 1] + "…"
        if _WORD.match(step) and name is step:
            text += f".{name}" if text else name
        else:
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            text += '["' + "".join(each if each.isprintable() else "?" for each in quoted) + '"]'
    return text
