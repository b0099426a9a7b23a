"""Who may write a topic: permission withdrawn from named principals and given back, and a topic locked for everybody.

Nobody's own rules are touched. A permission is withdrawn by a rule that denies, and denying wins; giving it back takes
that rule away. So that we never take away a rule that somebody else made, each of ours stands beside a mark: the same
rule for a principal that nobody can be, ``instar:withdrew/User:till``. The mark is written first and goes last, and it
says to whoever lists the rules who did this.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from instar.core.fence import ANY_HOST, EVERYBODY, Rule, writers
from instar.core.rollout.effect import Effect, GrantWrite, LockTopic
from instar.kafka.access import Access
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.kafka.topic_settings import given, put
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.handler import nothing, only

_MARK = "instar:withdrew/"

# A lock by settings. The marker that ends a transaction is a batch of 78 bytes (Kafka 4.1) and is held against this
# limit too: one that is refused ends the coordinator's attempt for good, so the transaction never ends, readers of
# committed records stand still there, and its producer is stuck in every topic that it writes. What is left to pass
# are records of at most twelve bytes, key and value together.
LOCK_SETTING, LOCKED_BYTES = "max.message.bytes", 80

_DENY_EVERYBODY = Rule(EVERYBODY, ANY_HOST, "WRITE", allows=False)


class Permissions:
    """Write permission on a cluster's topics. All methods raise ``KafkaTrouble``.

    ``between`` is called between two changes of the cluster.
    """

    def __init__(self, access: Access, between: Callable[[], None] = nothing) -> None:
        self._access = access
        self._between = between

    def writers(self, topic: str) -> list[str] | None:
        """The principals, other than our own, that may write; ``User:*`` is everybody, super users are not listed.

        None: the cluster has no authorizer, so everybody may, and nobody can be kept from it by a rule.
        """
        if not self._access.enforced:
            return None
        rules = self._access.rules(topic, "applying")
        return [EVERYBODY] if not rules and self._access.open_without_rules else writers(rules, self._access.own)

    def known(self, topic: str) -> bool:
        """Do rules decide who may write it? Where they do not, everybody may, and nobody can be named."""
        access = self._access
        return access.enforced and not (access.open_without_rules and not access.rules(topic, "applying"))

    def picture(self, topic: str) -> dict[str, Any]:
        """``{"withdrawn": [principal, ...]}``: whose permission we have withdrawn, for ``restore``."""
        marks = (rule.principal for rule in self._access.rules(topic, "literal"))
        return {"withdrawn": sorted(mark.removeprefix(_MARK) for mark in marks if mark.startswith(_MARK))}

    def withdraw(self, topic: str, principals: Collection[str]) -> dict[str, Any]:
        """Take write permission from principals; the picture from before. Whom somebody else denies is left at that.

        Raises ``Refused`` for ``User:*``, our own principal, and where the first rule would shut everybody out.
        """
        before = self.picture(topic)
        if not principals:
            return before
        self._refuse(topic, principals)
        could_write = self._access.may_write(topic)
        for principal in sorted(principals):
            standing = set(self._access.rules(topic, "literal"))
            if _deny(principal) in standing and _mark(principal) not in standing:
                continue
            self._access.add(topic, [_mark(principal)])
            self._between()
            self._access.add(topic, [_deny(principal)])
            self._between()
            if could_write and not self._access.may_write(topic):
                # Certificates and tokens do not say which principal the cluster makes of them: only it can tell.
                self._give_back(topic, principal)
                raise _ours(topic, principal)
        return before

    def restore(self, topic: str, picture: Mapping[str, Any]) -> None:
        """Make it so that exactly those are withdrawn that the picture names."""
        wanted, now = set(picture["withdrawn"]), set(self.picture(topic)["withdrawn"])
        for principal in sorted(now - wanted):
            self._give_back(topic, principal)
        self.withdraw(topic, wanted)  # also where the mark stands alone: giving back was only begun

    def _give_back(self, topic: str, principal: str) -> None:
        self._access.remove(topic, [_deny(principal)])
        self._between()
        self._access.remove(topic, [_mark(principal)])
        self._between()

    def _refuse(self, topic: str, principals: Collection[str]) -> None:
        if not self._access.enforced:
            raise Refused(
                f"The cluster has no authorizer, so nobody can be kept from writing {topic}.",
                "Stop these producers, and waive them: " + ", ".join(f"producer:{each}" for each in sorted(principals)),
            )
        if self._access.open_without_rules and not self._access.rules(topic, "applying"):
            raise Refused(
                f"{topic} has no access rules, and the cluster may let everybody use what has none "
                "(allow.everyone.if.no.acl.found): the first rule would shut everybody out, readers too.",
                f"Allow its producers, its readers and instar by name to use {topic} first, or stop the producers and "
                f"waive producer:{EVERYBODY}.",
            )
        if EVERYBODY in principals:
            raise Refused(
                f"Everybody may write {topic} ({EVERYBODY}); a rule that denies everybody would stop instar too.",
                f"Allow the producers by name instead, or stop them and waive producer:{EVERYBODY}.",
            )
        if self._access.own in principals:
            raise _ours(topic, str(self._access.own))


class Grants:
    """Runs ``GrantWrite``: what any earlier barrier withdrew on the topic is given back."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002 - the port's method
        return self._permissions.picture(only(effect, GrantWrite).topic)

    def run(self, effect: Effect, context: Context) -> Outcome:
        self._permissions.restore(only(effect, GrantWrite).topic, {"withdrawn": []})
        return Outcome("done", {"given_back": list(context.before["withdrawn"])})

    def revert(self, effect: Effect, context: Context) -> Outcome:
        self._permissions.restore(only(effect, GrantWrite).topic, context.before)
        return Outcome("done", {"withdrawn": list(context.before["withdrawn"])})

    def happened(self, effect: Effect, context: Context) -> bool | None:  # noqa: ARG002 - the port's method
        """Not final: nobody needs to know."""
        return None


class Locks:
    """Runs ``LockTopic``: by a rule where the cluster has an authorizer, and always by the topic's largest batch, since
    super users pass every rule.

    No rule is the first of a topic where the cluster lets, or may let, everybody use what has none: readers would be
    shut out too. ``between`` is called between two changes of the cluster.
    """

    def __init__(self, cluster: Cluster, access: Access, between: Callable[[], None] = nothing) -> None:
        self._cluster = cluster
        self._access = access
        self._between = between

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002 - the port's method
        """``{"id": hexadecimal, "limit": the topic's own or None, "denied": bool}``."""
        topic = only(effect, LockTopic).topic
        found = self._cluster.topic(topic)
        rules = self._access.rules(topic, "literal") if self._access.enforced else []
        return {
            "id": found.id.hex(),
            "limit": given(self._cluster, topic).get(LOCK_SETTING),
            "denied": _DENY_EVERYBODY in rules,
        }

    def run(self, effect: Effect, context: Context) -> Outcome:
        topic = only(effect, LockTopic).topic
        found = self._cluster.topic(topic)
        if found.id.hex() != context.before.get("id"):
            return Outcome(
                "failed",
                message=f"{topic} was deleted and made again since this was begun",
                remedy="Find out who did that: it is not the topic that was migrated.",
            )
        by_rule = self._can_deny(topic)
        if by_rule:
            self._access.add(topic, [_DENY_EVERYBODY])
            self._between()
        put(self._cluster, topic, {LOCK_SETTING: str(LOCKED_BYTES)})
        self._between()
        return Outcome(
            "done",
            {
                "denied": by_rule,
                LOCK_SETTING: LOCKED_BYTES,
                "note": f"a batch of up to {LOCKED_BYTES} bytes still passes "
                + ("where a super user writes it" if by_rule else "from anybody"),
            },
        )

    def revert(self, effect: Effect, context: Context) -> Outcome:
        topic = only(effect, LockTopic).topic
        found = self._cluster.find(topic)
        before = context.before
        if found is None or found.id.hex() != before.get("id"):
            return Outcome("done", {"left": f"{topic} is gone, or another topic of the name"})
        put(self._cluster, topic, {LOCK_SETTING: before["limit"]})
        self._between()
        if self._access.enforced and not before["denied"]:
            self._access.remove(topic, [_DENY_EVERYBODY])
        return Outcome("done", {LOCK_SETTING: before["limit"]})

    def happened(self, effect: Effect, context: Context) -> bool | None:  # noqa: ARG002 - the port's method
        """Not final: nobody needs to know."""
        return None

    def _can_deny(self, topic: str) -> bool:
        if not self._access.enforced:
            return False
        return not self._access.open_without_rules or bool(self._access.rules(topic, "applying"))


def _ours(topic: str, principal: str) -> Refused:
    return Refused(
        f"{principal} is instar's own principal, and its bridges write {topic}.",
        f"Give instar a principal of its own, or stop the producers and waive producer:{principal}.",
    )


def _deny(principal: str) -> Rule:
    return Rule(principal, ANY_HOST, "WRITE", allows=False)


def _mark(principal: str) -> Rule:
    return Rule(f"{_MARK}{principal}", ANY_HOST, "WRITE", allows=False)
