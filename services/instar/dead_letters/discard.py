"""Discarding dead letters: an operator's decision that a record is not wanted, kept with who made it, when and why.

The letter itself stays in its topic until that topic's retention takes it.
"""

from collections.abc import Callable, Iterable
from itertools import islice

from instar.core.redrive import Settled
from instar.dead_letters.settler import BATCH_LETTERS, Settler
from instar.kafka.errors import Unreachable
from instar.kafka.letters import Letter

ATTEMPTS = 20


def discard(settler: Settler, letters: Iterable[Letter], reason: str, by: str, now_ms: Callable[[], int]) -> int:
    """Discard letters, all or none of each 500; how many. Those that are settled by now are passed over.

    Raises ``KafkaTrouble``.
    """
    source = iter(letters)
    count = 0
    while batch := list(islice(source, BATCH_LETTERS)):
        todo = [letter.position for letter in batch if letter.position not in settler.settled]
        for _ in range(ATTEMPTS):
            said = {
                position: Settled("discarded", now_ms(), by, reason)
                for position in todo
                if position not in settler.settled
            }
            if not said or settler.attempt((), said):
                break
        else:
            raise Unreachable(
                f"Letters could not be discarded in {ATTEMPTS} attempts: each transaction was aborted.",
                "Is the cluster well? Run the command again; what is discarded stays so.",
            )
        count += len(todo)
    return count
