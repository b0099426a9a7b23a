"""The compressions of Avro's object container files (Avro specification, section "Object Container Files", Codecs).

``null`` and ``deflate`` are required of every implementation; bzip2 and xz are in Python; snappy and zstandard need
the package cramjam (the extra ``snappy``).
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from instar.archives.errors import Unusable

# A block is meant to hold some ten to a thousand kB; what unpacks to more than this is a mistake or an attack.
BLOCK_LIMIT_BYTES = 512 * 1024 * 1024


class Codec(NamedTuple):
    name: str
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]


def codec_of(name: str) -> Codec:
    """Raises ``Unusable`` for one that nobody or nothing installed knows. Decompressing raises ValueError."""
    match name:
        case "null":
            return Codec(name, bytes, bytes)
        case "deflate":
            return Codec(name, _deflate, _inflate)
        case "bzip2":
            return Codec(name, bz2.compress, _guarded(bz2.decompress))
        case "xz":
            return Codec(name, lzma.compress, _guarded(lzma.decompress))
        case "snappy":
            return _snappy(_cramjam(name))
        case "zstandard":
            zstd = _cramjam(name).zstd
            return Codec(
                name, lambda data: bytes(zstd.compress(data)), _guarded(lambda data: bytes(zstd.decompress(data)))
            )
    raise Unusable(
        f"The file is compressed with {name!r}, which instar does not read.",
        remedy="instar reads null, deflate, bzip2, xz, snappy and zstandard.",
    )


def _deflate(data: bytes) -> bytes:
    """Raw, without zlib's header, as the specification says."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def _inflate(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=-15)
    try:
        made = unpacker.decompress(data, BLOCK_LIMIT_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("the compressed data does not end where its block does")
    return made


def _guarded(decompress: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def run(data: bytes) -> bytes:
        try:
            return decompress(data)
        except (OSError, EOFError, lzma.LZMAError, RuntimeError) as error:
            raise ValueError(str(error)) from error

    return run


def _snappy(cramjam: ModuleType) -> Codec:
    """Each block is followed by the CRC-32 of its uncompressed data, big-endian."""

    def compress(data: bytes) -> bytes:
        return bytes(cramjam.snappy.compress_raw(data)) + zlib.crc32(data).to_bytes(4, "big")

    def decompress(data: bytes) -> bytes:
        made = bytes(cramjam.snappy.decompress_raw(data[:-4]))
        if zlib.crc32(made).to_bytes(4, "big") != data[-4:]:
            raise ValueError("the checksum of the data is not the one that was written with it")
        return made

    return Codec("snappy", compress, _guarded(decompress))


def _cramjam(codec: str) -> ModuleType:
    try:
        import cramjam
    except ImportError as error:
        raise Unusable(
            f"The file is compressed with {codec}, for which the package cramjam is not installed.",
            remedy="pip install 'instar[snappy]'",
        ) from error
    module: ModuleType = cramjam
    return module
