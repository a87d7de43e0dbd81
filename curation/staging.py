"""Folders that are written whole or not at all.

What is written goes into `.<name>.partial-<pid>` beside the target, is synced to the disk, and is renamed
into place. An earlier folder is first renamed to `.<name>.previous-<pid>`, and removed at the end. What a
crash can leave:

- a partial folder, and the earlier one where it was: the next writer removes the partial one;
- between the two renames, the earlier folder under its `previous` name only: the next writer puts it back;
- after them, the new folder in place, and what is left of the earlier one: the next writer removes that.

A lock on the partial folder, which ends with its process, tells a leftover from a writer that is at work.
"""

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from curation.errors import StoreError, UsageError

_FULL = {errno.ENOSPC: "make room", errno.EDQUOT: "make room", errno.EFBIG: "raise the limit on file sizes"}
_SYNC_THREADS = 8


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of `out` when the block ends without an exception.

    Raises UsageError while another process is writing `out`, and StoreError for an OSError, the block's too.
    """
    written = 0
    try:
        partial = _claim(out)
        try:
            with _locked(partial):
                yield partial
                _sync(partial)
                _put_in_place(partial, out)
        except OSError:
            written = _size(partial)
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise StoreError(_sentence(error, out, written)) from error


def _claim(out: Path) -> Path:
    """Remove what dead writers left, put back what they moved, and make the partial folder."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partials = _siblings(out, "partial")
    for folder in [*partials, out]:
        if _is_locked(folder):
            raise UsageError(f"another process is writing {out} (in {folder.name}): wait for it, or stop it")
    for folder in partials:
        shutil.rmtree(folder)
    for folder in _siblings(out, "previous"):
        if out.exists():
            shutil.rmtree(folder)
        else:
            folder.rename(out)
    partial = _sibling(out, "partial")
    partial.mkdir()
    return partial


def _sibling(out: Path, role: str) -> Path:
    return out.with_name(f".{out.name}.{role}-{os.getpid()}")


def _siblings(out: Path, role: str) -> list[Path]:
    """Return the folders with this role for `out`, of any process."""
    name = re.compile(re.escape(f".{out.name}.{role}-") + r"\d+")
    return sorted(path for path in out.parent.iterdir() if name.fullmatch(path.name))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock that stays with the folder when it is renamed; shared, as NFS gives no other to readers."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _is_locked(folder: Path) -> bool:
    """Tell whether a process holds the folder; so it seems, too, where the file system can't tell."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _sync(folder: Path) -> None:
    """Bring every file and folder to the disk; several at a time, as each waits for it."""
    with ThreadPoolExecutor(_SYNC_THREADS) as pool:
        for _ in pool.map(_sync_one, [folder, *folder.rglob("*")]):
            pass


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_in_place(partial: Path, out: Path) -> None:
    """Rename the folder into place; where that fails, or is interrupted, put the earlier one back."""
    previous = _sibling(out, "previous")
    try:
        if out.exists():
            out.rename(previous)
        partial.rename(out)
    except BaseException:
        if previous.exists() and not out.exists():
            previous.rename(out)
        raise
    _sync_one(out.parent)
    shutil.rmtree(previous, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _sentence(error: OSError, out: Path, written: int) -> str:
    reason = os.strerror(error.errno) if error.errno else str(error)
    remedy = f"; {_FULL[error.errno]} and run it again" if error.errno in _FULL else ""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason} after {written:,} bytes of {out}, which is as it was before{remedy}"
