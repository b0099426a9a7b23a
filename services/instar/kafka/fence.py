"""Asking a cluster whether a topic's write fence stands."""

from collections.abc import Mapping
from typing import Any

from instar.core.fence import Fence, writers
from instar.kafka.access import Access
from instar.kafka.errors import Refused

_HOW = (
    "Withdraw write permission from every other principal, or stop all producers of the topic and start with "
    "--fence acknowledged --fence-reason TEXT."
)


class FenceCheck:
    """One topic's fence. ``fence`` is None where nobody put one up."""

    def __init__(self, kafka: Mapping[str, Any], topic: str, fence: Fence | None) -> None:
        self._topic = topic
        self._fence = fence
        self._access = Access(kafka)
        self._own = self._access.own
        self._open_without_rules: bool | None = None

    def require(self) -> None:
        """Raises ``Refused`` where the fence does not stand, other ``KafkaTrouble`` where it cannot be told."""
        if self._fence is None:
            raise Refused(
                f"Rewriting {self._topic} in place needs a write fence: Kafka has no compare-and-set, so a record that "
                "a producer writes meanwhile could be replaced by an older one.",
                f"Start with --fence acl. {_HOW}",
            )
        if self._fence.kind == "acknowledged":
            return
        if self._open_without_rules is None:
            self._require_authorizer()
        rules = self._access.rules(self._topic, "applying")
        others = writers(rules, self._own)
        if others:
            raise Refused(
                f"The write fence of {self._topic} does not stand: {', '.join(others)} may write it.",
                _HOW if self._own else f"instar's own principal is not known here (no sasl.username). {_HOW}",
            )
        if not rules and self._open_without_rules:
            raise Refused(
                f"The write fence of {self._topic} does not stand: it has no access rules, and the cluster may "
                "let everybody use what has none (allow.everyone.if.no.acl.found).",
                f"Allow instar's own principal to write {self._topic}: then nobody else may.",
            )

    def _require_authorizer(self) -> None:
        """A cluster without an authorizer may answer that it has no rules, which means that everybody may write.

        Raises ``Refused`` where there is none, or where the brokers do not tell.
        """
        if not self._access.enforced:
            raise Refused(f"The cluster has no authorizer, so no access rule can fence {self._topic}.", _HOW)
        self._open_without_rules = self._access.open_without_rules
