"""A pytest plugin that writes down what is collected and what would keep it from running. Used in a process of its own.

What `--collected-into` names is JSON: each test's id without its parameters, and the reasons found. Markers are read as
they are written, before any plugin adds its own: a test of a real server counts where the server is not there, too.
"""

import ast
import inspect
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Collection
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEEPING = ("skip", "skipif", "xfail", "slow")
CALLS = {"skip", "xfail", "importorskip"}

_found: dict[str, list[str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--collected-into", required=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    marked = [f"marked {name}" for name in KEEPING if item.get_closest_marker(name)]
    function = getattr(item, "function", None)
    called = [] if function is None else [f"calls pytest.{name}" for name in sorted(_calls(function))]
    reasons = _found.setdefault(item.nodeid.partition("[")[0], [])
    reasons += [each for each in [*marked, *called] if each not in reasons]


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path(session.config.getoption("--collected-into")).write_text(json.dumps(_found), encoding="utf-8")


def collected(root: Path, files: Collection[str], into: Path) -> dict[str, list[str]]:
    """What pytest collects in these files of a folder. Those that are not there collect nothing."""
    there = sorted(each for each in files if (root / each).is_file())
    if not there:
        return {}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tools")])
    command = [sys.executable, "-m", "pytest", "-p", __name__, "-p", "no:cacheprovider", "--collect-only", "-q"]
    done = subprocess.run(
        [*command, "--rootdir", str(root), "--collected-into", str(into), *there],
        cwd=root,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert into.is_file(), done.stdout + done.stderr
    found: dict[str, list[str]] = json.loads(into.read_text(encoding="utf-8"))
    return found


def _calls(function: object) -> set[str]:
    """What it calls of pytest that ends a test without a verdict."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))  # type: ignore[arg-type]
    named = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        each.attr
        for each in named
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "pytest"
    } & CALLS
