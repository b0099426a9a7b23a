"""A wheel that holds files and one entry point, written the same byte for byte from the same files.

The format is that of the Python Packaging User Guide ("Binary distribution format", version 1.0): a zip archive with
``METADATA``, ``WHEEL`` and ``RECORD``, the last with every other file's SHA-256 in URL-safe base64 without padding.
"""

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Mapping

from instar import __version__

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can say: builds do not differ by their time
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?\Z")
_VERSION = re.compile(r"\d+(?:\.\d+){0,3}(?:(?:a|b|rc)\d+)?(?:\.post\d+)?(?:\.dev\d+)?\Z")


def is_name(name: str) -> bool:
    """May a distribution be called that? (PyPA "Names and normalization".)"""
    return _NAME.match(name) is not None


def is_version(version: str) -> bool:
    """Is it a version as PEP 440 writes them, without epoch and local part?"""
    return _VERSION.match(version) is not None


def package_of(name: str) -> str:
    """The import package of a distribution of that name: ``shop-formats`` is ``shop_formats``."""
    package = re.sub(r"[-_.]+", "_", name).lower()
    return package if package.isidentifier() else f"pack_{package}"


def file_name(name: str, version: str) -> str:
    """What the wheel's file must be called: installers read name and version from it."""
    return f"{re.sub(r'[-_.]+', '_', name).lower()}-{version}-py3-none-any.whl"


def wheel(name: str, version: str, summary: str, group: str, files: Mapping[str, bytes]) -> bytes:
    """The archive. ``files`` are those of the import package, by path within it; ``group`` is the entry point's."""
    package = package_of(name)
    info = f"{file_name(name, version).removesuffix('-py3-none-any.whl')}.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {summary}\n"
        f"Requires-Python: >=3.11\nRequires-Dist: instar>={__version__}\n"
    )
    content = {f"{package}/{path}": data for path, data in files.items()}
    content[f"{package}/__init__.py"] = f'"""{summary}"""\n'.encode()
    content[f"{info}/METADATA"] = metadata.encode()
    content[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: instar\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content[f"{info}/entry_points.txt"] = f"[{group}]\n{name} = {package}\n".encode()
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in sorted(content.items()))
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(content, key=lambda path: (path.startswith(info), path)):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content[path])
    return out.getvalue()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
