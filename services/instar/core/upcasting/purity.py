"""Reading a hop's functions for calls that no pure function makes: a clock, a random source, the outside world.

Running a hop twice finds most impurity. It does not find ``date.today()``, which is the same all day, so the code is
read as well. This names what it finds; it does not prove that there is nothing else.
"""

import dataclasses
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

# A reference to one of these modules, or to a function that lives in one.
_MODULES = frozenset({"random", "secrets", "time", "socket", "subprocess", "urllib", "http", "requests", "_random"})
# These modules have pure parts too: only these of their names count.
_NAMES = {
    "datetime": frozenset({"now", "utcnow", "today"}),
    "uuid": frozenset({"uuid1", "uuid4"}),
    "os": frozenset({"urandom", "environ", "getenv", "getpid"}),
}
_BUILTINS = frozenset({"open", "input", "id"})


def functions_in(*roots: Any) -> list[FunctionType]:
    """The Python functions in operations (which are dataclasses and may hold further operations) and in containers."""
    found: list[FunctionType] = []
    pending = list(roots)
    while pending:
        item = pending.pop()
        if isinstance(item, FunctionType):
            found.append(item)
        elif isinstance(item, list | tuple):
            pending += item
        elif dataclasses.is_dataclass(item) and not isinstance(item, type):
            pending += [getattr(item, entry.name) for entry in dataclasses.fields(item)]
    return found


def impurities(functions: list[FunctionType]) -> list[tuple[str, int]]:
    """What impure names the functions, and those of the same file that they use, refer to: (name, 1-based line)."""
    found: dict[str, int] = {}
    seen: set[CodeType] = set()
    pending = list(functions)
    while pending:
        function = pending.pop()
        if function.__code__ in seen:
            continue
        seen.add(function.__code__)
        for code in _nested(function.__code__):
            for name in code.co_names:
                if name in _BUILTINS and name not in function.__globals__:
                    found.setdefault(name, code.co_firstlineno)
                used = function.__globals__.get(name)
                if isinstance(used, FunctionType) and used.__code__.co_filename == function.__code__.co_filename:
                    pending.append(used)
                elif used is not None:
                    for impure in _impure(name, used, code.co_names):
                        found.setdefault(impure, code.co_firstlineno)
    return sorted(found.items(), key=lambda entry: (entry[1], entry[0]))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _impure(name: str, used: Any, beside: tuple[str, ...]) -> Iterator[str]:
    """The impure names that a global named ``name`` stands for, given the attribute names that the code mentions."""
    if isinstance(used, ModuleType):
        module = used.__name__.partition(".")[0]
        if module in _MODULES:
            yield name
    else:
        home = used if isinstance(used, type | FunctionType | BuiltinFunctionType) else type(used)
        module = (getattr(home, "__module__", None) or "").partition(".")[0]
        if module in _MODULES or (module in _NAMES and getattr(used, "__name__", "") in _NAMES[module]):
            yield name
            return
    for attribute in beside:
        if attribute in _NAMES.get(module, ()):
            yield f"{name}.{attribute}"
