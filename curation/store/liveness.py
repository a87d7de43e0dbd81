"""Which runs are alive: each holds a lock on a file of its own, which the system drops with the process."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class RunLock:
    """Held for as long as the run lives."""

    def __init__(self, folder: Path, run_id: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / run_id

    def __enter__(self) -> Self:
        self._file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def alive(folder: Path, run_id: str) -> bool:
    """Tell whether the run's process still holds its lock; the lock file of a dead one is removed."""
    path = folder / run_id
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(file)
