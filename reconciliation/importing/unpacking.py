"""Bytes in, whatever they are packed in: plain, .gz or .xz, never more of them than a limit.

What unpacks is stopped while it unpacks: a few kilobytes can hold gigabytes.
"""

import gzip
import io
import lzma
from typing import Any, BinaryIO, Protocol

from reconciliation.importing.problems import UnreadableFileError

CHUNK = 1 << 16
# What an .xz file may ask for to unpack itself; the strongest usual setting needs 65 MB.
XZ_MEMORY = 100_000_000
MEGABYTE = 1_000_000


class Readable(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int = ..., /) -> bytes | None: ...


class LimitedReader(io.RawIOBase):
    """Passes bytes on until there have been too many; damage becomes a reason for people."""

    def __init__(self, source: Readable, *, limit: int) -> None:
        super().__init__()
        self._source = source
        self._limit = limit
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # (a memoryview; typeshed's type has no length)
        try:
            data = self._source.read(min(len(buffer), CHUNK)) or b""
        except lzma.LZMAError as error:
            raise UnreadableFileError(_xz_reason(error)) from error
        except (EOFError, OSError, ValueError) as error:
            raise UnreadableFileError(f"The file is damaged or cut off ({error}).") from error
        self._seen += len(data)
        if self._seen > self._limit:
            raise UnreadableFileError(
                f"The file holds more than {self._limit // MEGABYTE:,} MB when unpacked; split it into several imports."
            )
        buffer[: len(data)] = data
        return len(data)


def _xz_reason(error: lzma.LZMAError) -> str:
    if "Memory usage limit" in str(error):
        return "The file needs too much memory to unpack; pack it with a usual setting (xz -6)."
    return f"The file is damaged or cut off ({error})."


class XzReader(io.RawIOBase):
    """Unpacks .xz with a bound on memory, which the standard library's file class does not offer."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._decompressor = self._fresh()
        self._is_between_streams = False

    @staticmethod
    def _fresh() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = size if size > 0 else CHUNK
        while True:
            if self._decompressor.eof:
                rest = self._decompressor.unused_data.lstrip(b"\0")
                while not rest and (more := self._source.read(CHUNK)):
                    rest = more.lstrip(b"\0")
                if not rest:
                    return b""
                self._decompressor = self._fresh()
                data = self._decompressor.decompress(rest, wanted)
            else:
                packed = self._source.read(CHUNK) if self._decompressor.needs_input else b""
                if self._decompressor.needs_input and not packed:
                    raise EOFError("the end is missing")
                data = self._decompressor.decompress(packed, wanted)
            if data:
                return data


def unpacked(source: BinaryIO, *, packing: str, limit: int) -> io.BufferedReader:
    """The unpacked bytes of a file; `packing` is "", "gz" or "xz"."""
    inner: Readable = source
    if packing == "gz":
        inner = gzip.GzipFile(fileobj=source)
    elif packing == "xz":
        inner = XzReader(source)
    return io.BufferedReader(LimitedReader(inner, limit=limit), CHUNK)
