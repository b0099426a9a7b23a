"""Numbers: an interval, a lattice of multiples, and what is cut out of them."""

from fractions import Fraction
from math import ceil, floor, lcm

from instar.core.compat.json_schema.formula import AtLeast, AtMost, MultipleOf
from instar.core.compat.json_schema.theories.goal import Literals
from instar.core.compat.json_schema.value import Value

#: A lattice with at most this many points in the interval is tried point by point.
MAX_POINTS = 300


def _interval(literals: Literals) -> tuple[tuple[Fraction, bool] | None, tuple[Fraction, bool] | None]:
    """Tightest lower and upper bound, each with whether it is strict."""
    lower = [(a.bound, a.strict) for a in literals.of(AtLeast, True)]
    lower += [(a.bound, not a.strict) for a in literals.of(AtMost, False)]
    upper = [(a.bound, not a.strict) for a in literals.of(AtMost, True)]
    upper += [(a.bound, a.strict) for a in literals.of(AtLeast, False)]
    greatest = max(lower, default=None)
    least = min(upper, default=None)
    return greatest, None if least is None else (least[0], not least[1])


def _lattice(literals: Literals) -> Fraction | None:
    """The least common multiple of all divisors; None where there is none."""
    result: Fraction | None = None
    for atom in literals.of(MultipleOf, True):
        d = atom.divisor
        if result is None:
            result = d
        else:
            common = result.denominator * d.denominator
            result = Fraction(lcm(int(result * common), int(d * common)), common)
    return result


def _points(literals: Literals) -> range | None:
    """Which multiples of the lattice lie in the interval; None where there is no lattice or no end."""
    lower, upper = _interval(literals)
    step = _lattice(literals)
    if step is None or lower is None or upper is None:
        return None
    first, last = ceil(lower[0] / step), floor(upper[0] / step)
    if lower[1] and first * step == lower[0]:
        first += 1
    if upper[1] and last * step == upper[0]:
        last -= 1
    return range(first, last + 1)


def candidates(literals: Literals) -> list[Value] | None:
    """All numbers that interval and lattice leave, where they are few."""
    lower, upper = _interval(literals)
    if lower is not None and upper is not None and lower[0] == upper[0] and not lower[1] and not upper[1]:
        return [("number", lower[0])]
    points, step = _points(literals), _lattice(literals)
    if points is None or step is None or points.stop - points.start > MAX_POINTS:  # len() has a limit
        return None
    return [("number", Fraction(point) * step) for point in points]


def empty(literals: Literals) -> bool:
    """Whether provably no number satisfies the literals."""
    lower, upper = _interval(literals)
    if lower is not None and upper is not None:
        if lower[0] > upper[0] or (lower[0] == upper[0] and (lower[1] or upper[1])):
            return True
        points = _points(literals)
        if points is not None and not points:
            return True
    step = _lattice(literals)
    if step is None:
        return False
    return any((step / atom.divisor).denominator == 1 for atom in literals.of(MultipleOf, False))
