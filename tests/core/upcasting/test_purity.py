"""Reading a hop's code finds clocks and random sources that two runs in a row would not show."""

from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from tests.support.subjects import LONG, ShapeSchema, bound, codes, record

from instar.core.upcasting.laws import check_laws
from instar.core.upcasting.purity import functions_in, impurities


def read(source: str) -> list[tuple[str, int]]:
    namespace: dict[str, Any] = {"__name__": "hop"}
    exec(compile(dedent(source).lstrip("\n"), "hop.py", "exec"), namespace)  # noqa: S102 - the test's own text
    return impurities(functions_in(namespace["upcast"]))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from datetime import date\ndef upcast(r, c): return {'at': str(date.today())}", "date.today"),
        (
            "import datetime\ndef upcast(r, c): return {'at': datetime.datetime.now(datetime.UTC)}",
            "datetime.datetime.now",
        ),
        ("import time\ndef upcast(r, c): return {'at': time.time()}", "time.time"),
        ("from time import time_ns as t\ndef upcast(r, c): return {'at': t()}", "t"),
        ("import random\ndef upcast(r, c): return {'n': random.random()}", "random.random"),
        ("from random import random\ndef upcast(r, c): return {'n': random()}", "random"),
        ("from random import randint\ndef upcast(r, c): return {'n': randint(0, 1)}", "randint"),
        ("import uuid\ndef upcast(r, c): return {'id': str(uuid.uuid4())}", "uuid.uuid4"),
        ("from uuid import uuid4\ndef upcast(r, c): return {'id': uuid4()}", "uuid4"),
        ("import os\ndef upcast(r, c): return {'n': os.environ['X']}", "os.environ"),
        ("def upcast(r, c): return {'n': open('x').read()}", "open"),
        ("import time\ndef upcast(r, c): return {'n': [time.time() for _ in r]}", "time.time"),
        ("import time\ndef now(): return time.time()\ndef upcast(r, c): return {'n': now()}", "time.time"),
    ],
)
def test_what_is_not_pure_is_named(source: str, name: str) -> None:
    assert name in [found for found, _ in read(source)]


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import date\ndef upcast(r, c): return {'at': date.fromisoformat(r['at'])}",
        "import uuid\ndef upcast(r, c): return {'id': uuid.uuid5(uuid.NAMESPACE_URL, r['a'])}",
        "import hashlib, json, re, math, decimal\ndef upcast(r, c): return {'n': math.floor(decimal.Decimal(r['n']))}",
        "def upcast(r, c): return {'now': r['now'], 'today': r['today'], 'time': c.timestamp_ms}",
        "import random\ndef upcast(r, c): return {'n': random.Random(r['seed']).random()}",
        "from random import Random\ndef upcast(r, c): return {'n': Random(r['seed']).randrange(5)}",
        "from datetime import datetime\ndef upcast(r, c): return {'n': datetime.fromtimestamp(r['n'])}",
        "import os.path\ndef upcast(r, c): return {'f': os.path.basename(r['f'])}",
    ],
)
def test_what_is_pure_is_left_in_peace(source: str) -> None:
    assert read(source) == []


def test_the_line_is_named() -> None:
    source = """
        import time

        def upcast(r, c):
            return {"n": time.time()}
    """
    assert read(source) == [("time.time", 4)]


def test_helper_files_beside_the_hop_are_read_too() -> None:
    helper = ModuleType("helper")
    exec(compile("import time\ndef at(): return time.time()", "orders/helper.py", "exec"), vars(helper))  # noqa: S102
    hop: dict[str, Any] = {"helper": helper}
    exec(compile("def upcast(r, c): return {'at': helper.at()}", "orders/v1_to_v2.py", "exec"), hop)  # noqa: S102
    assert impurities(functions_in(hop["upcast"])) == [("time.time", 2)]


def test_a_clock_of_the_day_breaks_the_laws_though_two_runs_agree() -> None:
    shape = record(n=LONG)
    source = "from datetime import date\ndef upcast(r, c): return {'n': date.today().year}"
    found = check_laws(bound(source, shape, shape), ShapeSchema(shape), ShapeSchema(shape), [{"n": 1}], [])
    assert codes(found) == {"not-deterministic"}
    assert "date.today" in found[0].message
