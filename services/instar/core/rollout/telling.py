"""What an entry of the ledger tells of, in words."""

import json

from instar.core.ledger import Entry
from instar.core.rollout.document import effect_of
from instar.core.rollout.effect import words


def effect_told(entry: Entry) -> str:
    """The step that an entry is about, as plans name it: ``close epoch (epoch=1, authority=new)``; empty for others.

    Of an effect that this instar does not know the ledger's own name for it.
    """
    said = json.loads(entry.details).get("effect")
    if not isinstance(said, dict) or "do" not in said:
        return ""
    try:
        return words(effect_of(said))
    except (KeyError, TypeError, AttributeError):  # of another version
        return str(said["do"])


def told(entry: Entry) -> str:
    """``switch: step done: close epoch (epoch=1, authority=new)``."""
    effect = effect_told(entry)
    return f"{entry.action}: {effect}" if effect else entry.action
