"""Patterns as finite automata, and the one question asked of them: is this intersection empty?

An intersection holds patterns that must match, patterns that must not, words that are excluded and a range of
lengths. It is explored breadth first over the product of the automata, one representative for each class of
characters that no pattern tells apart. A limit on the states bounds the work; past it the answer is "not
known", which a proof may not use.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from instar.core.compat.json_schema.regex.syntax import (
    ANY,
    DOT,
    MAX_CODE,
    Chars,
    Choice,
    Ranges,
    Regex,
    Repeat,
    Sequence,
    parse,
)

#: Product states times character classes that one question may visit (about 0.3 s).
MAX_STEPS = 60_000
MAX_NFA_STATES = 3_000
#: A length bound above this is not tracked in the product (each length multiplies the states).
MAX_TRACKED_LENGTH = 130

States = frozenset[int]


class _TooLarge(Exception):
    """The automaton would exceed MAX_NFA_STATES. Never leaves this module."""


@dataclass
class Automaton:
    """A nondeterministic automaton over code points; state 0 starts, state 1 accepts."""

    moves: list[list[tuple[Ranges, int]]] = field(default_factory=lambda: [[], []])
    jumps: list[list[int]] = field(default_factory=lambda: [[], []])
    closures: dict[int, States] = field(default_factory=dict)

    def state(self) -> int:
        if len(self.moves) >= MAX_NFA_STATES:
            raise _TooLarge
        self.moves.append([])
        self.jumps.append([])
        return len(self.moves) - 1

    def add(self, regex: Regex, start: int, end: int) -> None:
        match regex:
            case Chars(ranges):
                self.moves[start].append((ranges, end))
            case Sequence(parts):
                for part in parts:
                    middle = self.state()
                    self.add(part, start, middle)
                    start = middle
                self.jumps[start].append(end)
            case Choice(parts):
                for part in parts:
                    self.add(part, start, end)
            case Repeat(part, least, most):
                self._add_repeat(part, least, most, start, end)

    def _add_repeat(self, part: Regex, least: int, most: int | None, start: int, end: int) -> None:
        for _ in range(least):
            middle = self.state()
            self.add(part, start, middle)
            start = middle
        if most is None:
            inside = self.state()
            after = self.state()
            self.jumps[start].append(inside)
            self.add(part, inside, after)
            self.jumps[after].append(inside)
            self.jumps[inside].append(end)
            return
        for _ in range(most - least):
            self.jumps[start].append(end)
            middle = self.state()
            self.add(part, start, middle)
            start = middle
        self.jumps[start].append(end)

    def closure(self, state: int) -> States:
        known = self.closures.get(state)
        if known is None:
            seen, todo = {state}, [state]
            while todo:
                for target in self.jumps[todo.pop()]:
                    if target not in seen:
                        seen.add(target)
                        todo.append(target)
            known = self.closures[state] = frozenset(seen)
        return known

    def step(self, states: States, code: int) -> States:
        result: set[int] = set()
        for state in states:
            for ranges, target in self.moves[state]:
                if any(low <= code <= high for low, high in ranges):
                    result |= self.closure(target)
        return frozenset(result)

    def matches(self, text: str) -> bool:
        states = self.closure(0)
        for char in text:
            states = self.step(states, ord(char))
        return 1 in states


@lru_cache(maxsize=2048)
def compiled(pattern: str) -> Automaton | None:
    """The automaton of "has a match somewhere", or None where the pattern is not read or too large."""
    alternatives = parse(pattern)
    if alternatives is None:
        return None
    automaton = Automaton()
    try:
        for alternative in alternatives:
            start, end = automaton.state(), automaton.state()
            automaton.jumps[0].append(start)
            if not alternative.start:
                automaton.moves[start].append((ANY, start))
            automaton.jumps[end].append(1)
            if not alternative.end:
                automaton.moves[end].append((ANY, end))
            body = automaton.state()
            automaton.jumps[start].append(body)
            automaton.add(alternative.regex, body, end)
    except _TooLarge:
        return None
    return automaton


@lru_cache(maxsize=4096)
def matches(pattern: str, text: str) -> bool | None:
    """Whether a text has a match of a pattern; None: not known."""
    automaton = compiled(pattern)
    return None if automaton is None else automaton.matches(text)


@lru_cache(maxsize=2048)
def vacuous(pattern: str) -> bool:
    """Whether a pattern names particular characters and yet matches every string.

    ``[a-z]*`` without anchors has an empty match in any string. Its author meant ``^[a-z]*$``; treating it as
    "no constraint" would call a change of such a pattern harmless on the ground of a mistake. So it is kept
    as a predicate of its own.
    """
    alternatives = parse(pattern)
    if alternatives is None or not any(_particular(alternative.regex) for alternative in alternatives):
        return False
    return empty((), (pattern,), frozenset(), 0, None) is True


def _particular(regex: Regex) -> bool:
    match regex:
        case Chars(ranges):
            return ranges not in (ANY, DOT)
        case Sequence(parts) | Choice(parts):
            return any(_particular(part) for part in parts)
        case Repeat(part):
            return _particular(part)


def empty(
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    excluded_words: frozenset[str],
    shortest: int,
    longest: int | None,
) -> bool | None:
    """Whether no string matches all of ``include``, none of ``exclude``, is no excluded word and has such a
    length.

    None: not known. Patterns that are not read are left out of ``include`` (the rest may still be empty); an
    unread pattern in ``exclude`` likewise only ever makes the set larger.
    """
    positive = [a for a in map(compiled, include) if a is not None]
    negative = [a for a in map(compiled, exclude) if a is not None]
    bound = max(shortest, (longest or 0) + 1)
    if bound > MAX_TRACKED_LENGTH:
        return _explore(positive, negative, excluded_words, 0, None, 0)
    return _explore(positive, negative, excluded_words, shortest, longest, bound)


def _representatives(automata: Iterable[Automaton], words: frozenset[str]) -> list[int]:
    edges = {0}
    for automaton in automata:
        for moves in automaton.moves:
            for ranges, _ in moves:
                for low, high in ranges:
                    edges.add(low)
                    edges.add(high + 1)
    for word in words:
        for char in word:
            edges.update((ord(char), ord(char) + 1))
    return sorted(edge for edge in edges if edge <= MAX_CODE)


def _explore(
    include: list[Automaton],
    exclude: list[Automaton],
    words: frozenset[str],
    shortest: int,
    longest: int | None,
    bound: int,
) -> bool | None:
    automata = include + exclude
    split = len(include)
    codes = _representatives(automata, words)
    prefixes = frozenset(word[:end] for word in words for end in range(len(word) + 1))
    first = (tuple(a.closure(0) for a in automata), "" if words else None, 0)
    seen, todo, steps = {first}, deque([first]), 0
    while todo:
        states, prefix, length = todo.popleft()
        accepted = all(1 in s for s in states[:split]) and not any(1 in s for s in states[split:])
        if accepted and length >= shortest and (longest is None or length <= longest) and prefix not in words:
            return False
        if longest is not None and length >= longest:
            continue
        for code in codes:
            steps += 1 + sum(map(len, states)) // 8
            if steps > MAX_STEPS:
                return None
            following = tuple(a.step(s, code) for a, s in zip(automata, states, strict=True))
            if not all(following[:split]):
                continue
            longer = None if prefix is None else prefix + chr(code)
            state = (following, longer if longer in prefixes else None, min(length + 1, bound))
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return True
