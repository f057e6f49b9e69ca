"""Files and directories that appear whole: written under a temporary name, then renamed."""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from program.errors import UserError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same directory; it replaces `path` if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name keeps its suffix, because some writers choose the format by it.
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_directory(path: Path) -> Iterator[Path]:
    """Yield an empty temporary directory beside `path`; it replaces `path` if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises UserError when it is none."""
    with reading(path):
        return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What a reader raises inside the block becomes a UserError that names the file; only FileNotFoundError stays."""
    try:
        yield
    except (UserError, FileNotFoundError):
        raise
    except Exception as error:  # of zipfile, zlib, pickle, numpy, PyTorch, json: whatever a damaged file leads to
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} is damaged: {first[:200]}.", anew(path)) from error


def anew(path: Path) -> str:
    """How a file of a run is made again, for a hint."""
    return f"rerun what makes it: remove {path}, then start the run again"


def require_sound_zip(path: Path) -> None:
    """Raises UserError when a member of a zip archive has another checksum than its directory says."""
    with reading(path), zipfile.ZipFile(path) as archive:
        if wrong := archive.testzip():
            raise ValueError(f"{wrong} has another checksum than it was written with")


def require_content(path: Path, checksum: str) -> None:
    """Raises UserError when a file has another SHA-256 than its record says."""
    if sha256(path) != checksum:
        raise UserError(f"{path} is damaged: its checksum is not the one of its record.", anew(path))


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def known_sha256(path: Path) -> str:
    """The same; a file is read once in a process, as long as its size and time stamp do not change."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@cache
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    return sha256(path)


def members(path: Path) -> list[Path]:
    """A file, or all files of a directory but Snakemake's mark and what Python caches beside code that it runs."""
    if not path.is_dir():
        return [path]
    found = (one for one in path.rglob("*") if one.is_file() and one.name != ".snakemake_timestamp")
    return sorted(one for one in found if "__pycache__" not in one.relative_to(path).parts)


def checksum(path: Path) -> str:
    """SHA-256 of a file, or of the lines `<sha256>  <name>` of a directory's files."""
    if not path.is_dir():
        return known_sha256(path)
    lines = [f"{known_sha256(one)}  {one.relative_to(path).as_posix()}\n" for one in members(path)]
    return sha256_of("".join(lines).encode())


def sha256_of(data: bytes) -> str:
    """The SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
