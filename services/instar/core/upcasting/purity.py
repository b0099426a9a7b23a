"""Reading a hop's functions for what no pure function refers to: a clock, a random source, the outside world.

Running a hop twice finds most impurity. It does not find ``date.today()``, which is the same all day, so the compiled
code is read as well. This names what it finds; it does not prove that there is nothing else.
"""

import builtins
import dataclasses
import dis
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

# Whatever comes from these modules, but for what is named: a random source with a seed of its own is pure.
_MODULES: Mapping[str, frozenset[str]] = {
    "random": frozenset({"Random"}),
    "time": frozenset({"struct_time", "gmtime", "strptime", "strftime"}),
    "secrets": frozenset({"compare_digest"}),
    "socket": frozenset(),
    "subprocess": frozenset(),
    "requests": frozenset(),
}
# From these modules only what is named.
_NAMES: Mapping[str, frozenset[str]] = {
    "datetime": frozenset({"now", "utcnow", "today"}),
    "uuid": frozenset({"uuid1", "uuid4"}),
    "os": frozenset({"urandom", "environ", "getenv", "getpid"}),
    "posix": frozenset({"urandom", "getpid"}),
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
    """What impure names the functions refer to, with those of the same folder that they use: (name, 1-based line)."""
    found: dict[str, int] = {}
    seen: set[CodeType] = set()
    pending = list(functions)
    while pending:
        function = pending.pop()
        if function.__code__ in seen:
            continue
        seen.add(function.__code__)
        for names, line in _references(function.__code__):
            used, attributes = function.__globals__.get(names[0]), names[1:]
            own = _resolved(used, attributes)
            if isinstance(own, FunctionType) and _folder(own) == _folder(function):
                pending.append(own)
            elif names[0] not in function.__globals__ and hasattr(builtins, names[0]):
                if names[0] in _BUILTINS:
                    found.setdefault(names[0], line)
            elif _is_impure(used, attributes):
                found.setdefault(".".join(names), line)
    return sorted(found.items(), key=lambda entry: (entry[1], entry[0]))


def _references(code: CodeType) -> Iterator[tuple[list[str], int]]:
    """The globals that code refers to, each with the attributes read from it at once: ``["date", "today"]``."""
    names: list[str] = []
    line = code.co_firstlineno
    for instruction in dis.get_instructions(code):
        if names and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            names.append(instruction.argval)
            continue
        if names:
            yield names, line
            names = []
        if instruction.opname == "LOAD_GLOBAL":
            names = [instruction.argval]
            line = (instruction.positions and instruction.positions.lineno) or line
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _references(constant)


def _resolved(used: Any, attributes: list[str]) -> Any:
    """What stands at the end of a chain of attributes, as far as it leads through modules and classes."""
    for attribute in attributes:
        if not isinstance(used, ModuleType | type):
            return None
        used = getattr(used, attribute, None)
    return used


def _folder(function: FunctionType) -> str:
    """A hop's helper files lie beside it."""
    return function.__code__.co_filename.rpartition("/")[0]


def _is_impure(used: Any, attributes: list[str]) -> bool:
    """Whether a global, or what is read from it, is on the lists."""
    for attribute in [*attributes, None]:
        module = _home(used)
        name = attribute if isinstance(used, ModuleType | type) else getattr(used, "__name__", "")
        if module in _NAMES and name in _NAMES[module]:
            return True
        if module in _MODULES and name is not None and name not in _MODULES[module] and not isinstance(used, type):
            return True
        if attribute is None or not isinstance(used, ModuleType | type):
            return False
        used = getattr(used, attribute, None)
    return False


def _home(used: Any) -> str:
    """The top module that a thing comes from; of a method, that of the object it belongs to."""
    if isinstance(used, ModuleType):
        return used.__name__.partition(".")[0]
    module = getattr(used, "__module__", None) or type(getattr(used, "__self__", used)).__module__
    return str(module).partition(".")[0]
