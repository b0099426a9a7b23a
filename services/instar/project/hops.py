"""Loading hops: ``upcasters/<subject>/v1_to_v2.py`` and the helper files beside it.

The path is the registration. A file is compiled from its text and executed in a namespace of its own: nothing stays
in ``sys.modules``, no ``.pyc`` is written, and what a later load finds is what the file says then. A hop may
``import money``: a helper ``money.py`` in its own folder comes before an installed module of that name, is found in no
other folder, and becomes part of the hop's checksum. There is one way to write it; relative imports are refused.
"""

import builtins
import hashlib
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from instar.core.finding import Finding
from instar.core.upcasting.hop import Hop
from instar.core.version import label, parse_label

FOLDER = "upcasters"

_HOP = re.compile(r"(v[0-9]+)_to_(v[0-9]+)\Z")
_ALMOST_HOP = re.compile(r"v?_?0*([0-9]+)[_\-. ]*to[_\-. ]*v?_?0*([0-9]+)\Z", re.I)

# A hop runs in the process's own interpreter, so that two threads must not see each other's helpers half loaded.
_LOADING = threading.Lock()


@dataclass(frozen=True, slots=True)
class HopFile:
    """A loaded hop. ``checksum`` covers its text and that of every helper it imported, directly or through one."""

    hop: Hop
    checksum: str
    helpers: tuple[str, ...] = ()  # relative to the root


@dataclass(slots=True)
class HopFolder:
    """What a subject's folder of hops holds. ``unreadable`` are hops that are there and do not load, by (from, to)."""

    files: list[HopFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unreadable: set[tuple[int, int]] = field(default_factory=set)


def read_hops(root: Path, subject: str) -> HopFolder:
    """Load every hop of a subject. A folder that is not there has none."""
    folder = root / FOLDER / subject
    result = HopFolder()
    if not folder.is_dir():
        return result
    for path in sorted(folder.glob("*.py")):
        file = _relative(path, root)
        versions = _versions_of(path.stem)
        if versions is None:
            misspelt = _misspelt(path.stem, file, subject)
            if misspelt is not None:
                result.findings.append(misspelt)
            continue
        loaded = load_hop(root, subject, path, versions)
        if isinstance(loaded, HopFile):
            result.files.append(loaded)
        else:
            result.findings += loaded
            result.unreadable.add(versions)
    return result


def load_hop(root: Path, subject: str, path: Path, versions: tuple[int, int]) -> HopFile | list[Finding]:
    """Execute one hop's file. What it raises, and what it lacks, becomes findings with file and line."""
    loader = _Loader(root, path.parent, subject)
    try:
        source, namespace = loader.run(path, path.stem)
    except _Unloadable as unloadable:
        return [unloadable.finding]
    hop = Hop.from_namespace(subject, versions[0], versions[1], namespace, file=_relative(path, root), source=source)
    if isinstance(hop, list):
        return hop
    helpers = tuple(sorted(_relative(helper, root) for helper in loader.texts if helper != path))
    return HopFile(hop, checksum_of([(_relative(file, root), text) for file, text in loader.texts.items()]), helpers)


def checksum_of(files: Sequence[tuple[str, str]]) -> str:
    """SHA-256 over names and texts, hexadecimal. Line ends are normalized: a checkout may change them."""
    digest = hashlib.sha256()
    for name, text in sorted(files):
        body = text.replace("\r\n", "\n").encode()
        digest.update(f"{name}\0{len(body)}\0".encode())
        digest.update(body)
    return digest.hexdigest()


def _versions_of(stem: str) -> tuple[int, int] | None:
    match = _HOP.match(stem)
    if match is None:
        return None
    start, end = parse_label(match[1]), parse_label(match[2])
    return None if start is None or end is None else (start, end)


def _misspelt(stem: str, file: str, subject: str) -> Finding | None:
    """A file that is no hop is a helper, unless its name says that a hop was meant."""
    match = _ALMOST_HOP.match(stem)
    if match is None or int(match[1]) == 0 or int(match[2]) == 0:
        return None
    right = f"{label(int(match[1]))}_to_{label(int(match[2]))}.py"
    return Finding(
        code="hop-misnamed",
        message=f"{Path(file).name} looks like a hop and is not named like one, so that it would not run",
        remedy=f"rename it to {right} (a helper file needs a name that cannot be taken for a hop)",
        file=file,
        subject=subject,
    )


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


class _Unloadable(Exception):
    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class _Loader:
    """Executes one hop and the helpers it imports, each once."""

    def __init__(self, root: Path, folder: Path, subject: str) -> None:
        self.root = root
        self.folder = folder
        self.subject = subject
        self.texts: dict[Path, str] = {}
        self.modules: dict[str, ModuleType] = {}
        self.loaded = False

    def run(self, path: Path, name: str) -> tuple[str, Mapping[str, Any]]:
        """The text of the file and the namespace that it leaves. Raises ``_Unloadable``."""
        try:
            with _LOADING, self._visible():
                module = self._execute(path, name)
        except _Unloadable:
            raise
        except (Exception, SystemExit) as error:  # whatever the author's top-level code raises is a finding
            raise _Unloadable(self._raised(path, error)) from error
        return self.texts[path], vars(module)

    def _execute(self, path: Path, name: str) -> ModuleType:
        code = self._compile(path)
        module = ModuleType(self._full(name))
        module.__file__ = str(path)
        namespace = vars(module)
        namespace["__builtins__"] = {**vars(builtins), "__import__": self._import}
        self.modules[name] = module
        sys.modules[module.__name__] = module  # dataclasses and typing look their module up while it is executed
        exec(code, namespace)  # noqa: S102 - running what the project's author wrote is the purpose
        return module

    def _compile(self, path: Path) -> CodeType:
        try:
            text = path.read_text(encoding="utf-8")
            self.texts[path] = text
            return compile(text, str(path), "exec", dont_inherit=True)
        except SyntaxError as error:
            raise _Unloadable(self._finding(path, f"it is not valid Python: {error.msg}", error.lineno)) from error
        except UnicodeDecodeError as error:
            raise _Unloadable(self._finding(path, f"it is not UTF-8 text (byte {error.start})", None)) from error
        except ValueError as error:  # a null byte in the text
            raise _Unloadable(self._finding(path, f"it is not valid Python: {error}", None)) from error
        except OSError as error:
            raise _Unloadable(self._finding(path, f"it cannot be read: {error.strerror}", None)) from error

    def _import(
        self,
        name: str,
        caller_globals: Mapping[str, Any] | None = None,
        caller_locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """``__import__`` as a hop's code sees it; the import statement passes all five by position."""
        if level:
            raise ImportError(f"relative imports do not work in a hop: write `import {name or 'helper'}`")
        first = name.partition(".")[0]
        if first in self.modules:
            return self.modules[first]
        path = self.folder / f"{first}.py"
        if path.is_file():
            if self.loaded:  # too late to become part of the checksum
                raise ImportError(f"import {first} at the top of the file, not inside a function")
            return self._execute(path, first)
        return builtins.__import__(name, caller_globals, caller_locals, fromlist or (), level)

    def _full(self, name: str) -> str:
        return f"_instar_hop_{re.sub(r'[^A-Za-z0-9_]', '_', self.subject)}_{name}"

    @contextmanager
    def _visible(self) -> Iterator[None]:
        """While the files are executed their modules can be looked up; afterwards none of them is left."""
        try:
            yield
        finally:
            self.loaded = True
            for name in self.modules:
                sys.modules.pop(self._full(name), None)

    def _raised(self, path: Path, error: BaseException) -> Finding:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).parent == self.folder]
        place = Path(own[-1].filename) if own else path
        said = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
        return self._finding(place, f"it raises when it is loaded: {said}", own[-1].lineno if own else None)

    def _finding(self, path: Path, what: str, line: int | None) -> Finding:
        file = _relative(path, self.root)
        return Finding(
            code="hop-unloadable",
            message=f"{path.name} cannot be loaded: {what}",
            remedy="correct the file",
            file=file,
            line=line,
            subject=self.subject,
        )
