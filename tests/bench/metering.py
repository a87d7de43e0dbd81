"""What a client that is measured says of itself: time, CPU and memory of its work, without its imports."""

import re
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def metered(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do the work; return its result with `wall` and `cpu` in seconds and the process's `peak` in bytes."""
    before, cpu = time.perf_counter(), _cpu()
    result = work()
    return {"wall": time.perf_counter() - before, "cpu": _cpu() - cpu, "peak": _peak(), **result}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak() -> int:
    """Return the largest resident size of this process; rusage would count what the parent held at the fork."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024
