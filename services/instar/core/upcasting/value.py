"""Plain values, as codecs decode them and hops see them: copying and comparing them exactly."""

import math
from typing import Any


def copy_of(value: Any) -> Any:
    """A value that shares no container with the given one.

    Plain data only, so this is several times faster than ``copy.deepcopy``; subclasses of dict and list come out as
    plain ones. A value that contains itself raises ``RecursionError``.
    """
    if isinstance(value, dict):
        return {key: copy_of(part) for key, part in value.items()}
    if isinstance(value, list):
        return [copy_of(part) for part in value]
    if isinstance(value, tuple):  # a branch of a union: (full name, value)
        return tuple(copy_of(part) for part in value)
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same in every version that could hold them.

    Stricter than ``==`` where Python is generous: True is not 1, and 0.0 is not -0.0. Looser where it is not: NaN is
    NaN. An int and a float of the same number are the same, because a float field takes either.
    """
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and len(left) == len(right)
            and all(key in right and same(part, right[key]) for key, part in left.items())
        )
    if isinstance(left, list | tuple):
        return (
            isinstance(right, list if isinstance(left, list) else tuple)
            and len(left) == len(right)
            and all(map(same, left, right))
        )
    return same_leaf(left, right)


def same_leaf(left: Any, right: Any) -> bool:
    """``same`` for two values without parts."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        if left != right:
            return left != left and right != right  # NaN, which differs from itself
        return left != 0 or math.copysign(1, left) == math.copysign(1, right)
    return type(left) is type(right) and bool(left == right)
