"""Finds the files that a description names, and unpacks compressed kernels."""

import hashlib
import lzma
import os
import re
import tempfile
import zlib

from .error import Fail

GZIP = b"\x1f\x8b"
XZ = b"\xfd7zXZ\0"
ZSTD = b"\x28\xb5\x2f\xfd"
IMAGE_MAGIC = b"ARM\x64"


def resolve(text, folder, defines, node):
    """The path a latch,file property means: relative to the description, with $NAME replaced."""
    def value(match):
        name = match[1] or match[2]
        if name in defines:
            return defines[name]
        if name in os.environ:
            return os.environ[name]
        raise Fail(f"node {node.path}: {text}: ${name} is not set (--define {name}=PATH)")

    path = re.sub(r"\$(?:\{(\w+)\}|(\w+))", value, text)
    path = os.path.normpath(os.path.join(folder, path))
    if not os.path.exists(path):
        raise Fail(f"node {node.path}: {path}: no such file")
    if not os.path.isfile(path):
        raise Fail(f"node {node.path}: {path}: not a file")
    if not os.access(path, os.R_OK):
        raise Fail(f"node {node.path}: {path}: not readable")
    if os.path.getsize(path) == 0:
        raise Fail(f"node {node.path}: {path}: is empty")
    return path


def gunzip(data):
    stream = zlib.decompressobj(31)
    out = stream.decompress(data)
    if not stream.eof:
        raise ValueError("it is cut short")
    return out


def unxz(data):
    # Of a concatenation only the first stream is the kernel: EFI zboot images have padding.
    stream = lzma.LZMADecompressor()
    out = stream.decompress(data)
    if not stream.eof:
        raise ValueError("it is cut short")
    return out


def unzboot(data):
    """An EFI zboot image: a small loader with the compressed Image inside."""
    offset = int.from_bytes(data[8:12], "little")
    size = int.from_bytes(data[12:16], "little")
    kind = data[24:56].split(b"\0")[0].decode(errors="replace")
    if offset + size > len(data):
        raise ValueError("its payload lies outside the file")
    payload = data[offset:offset + size]
    if kind == "gzip":
        return gunzip(payload)
    if kind in ("xz", "lzma", "xzkern"):
        return unxz(payload)
    raise ValueError(f"it is an EFI zboot image compressed with {kind}")


def unpacked(data):
    """The kernel inside a compressed one; None if it is not compressed."""
    if data.startswith(GZIP):
        return gunzip(data)
    if data.startswith(XZ):
        return unxz(data)
    if data[:2] == b"MZ" and data[4:8] == b"zimg":
        return unzboot(data)
    if data.startswith(ZSTD):
        raise ValueError("it is compressed with zstd")
    return None


def kernel(path, cache, node):
    """The path of the kernel as Latch can start it: `path` itself, or an unpacked copy."""
    with open(path, "rb") as file:
        head = file.read(64)
    if not head.startswith((GZIP, XZ, ZSTD)) and head[4:8] != b"zimg":
        return path
    status = os.stat(path)
    key = f"{os.path.realpath(path)}\0{status.st_size}\0{status.st_mtime_ns}"
    copy = os.path.join(cache, hashlib.sha256(key.encode()).hexdigest()[:16] + "-kernel")
    if os.path.exists(copy):
        return copy
    with open(path, "rb") as file:
        data = file.read()
    try:
        data = unpacked(data)
    except (ValueError, zlib.error, lzma.LZMAError) as error:
        raise Fail(f"node {node.path}: {path}: cannot unpack this kernel: {error}") from None
    os.makedirs(cache, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=cache)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    # Two runs may unpack the same kernel at once.
    os.replace(temporary, copy)
    return copy
