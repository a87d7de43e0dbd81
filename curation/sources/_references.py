"""What a pickle comes back to: the places of its memo that a later step asks for, found without making anything.

Nearly all that is put into the memo is never asked for; who knows what is can let go of the rest.
"""

import io
import pickletools
from pathlib import Path

_LONGEST_NAME = 200
_LONGEST = 2**40
_COUNTS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_SIZES = {op.code.encode("latin1"): op.arg.n if op.arg else 0 for op in pickletools.opcodes}
"""Bytes of each opcode's argument; below zero where the file says how many."""
_CODES = {op.name: op.code.encode("latin1") for op in pickletools.opcodes}
_PUTS = frozenset(_CODES[name] for name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"))
_GETS = frozenset(_CODES[name] for name in ("BINGET", "LONG_BINGET"))


def referred_to(path: Path, most: int) -> set[int]:
    """Return the places that the first `most` steps come back to, as far as the file can be read."""
    found, puts = set[int](), 0
    with path.open("rb") as file:
        for _ in range(most):
            code = file.read(1)
            argument = _argument(file, code)
            # A file that comes back to more than it ever put there is no pickle.
            if argument is None or len(found) > puts:
                break
            puts += code in _PUTS
            if code in _GETS:
                found.add(int.from_bytes(argument, "little"))
    return found


def _argument(file: io.BufferedReader, code: bytes) -> bytes | None:
    """Read an opcode's argument; of a text or bytes nothing, of what can't be read None."""
    size = _SIZES.get(code)
    if size is None or size >= 0:
        return None if size is None or code == _CODES["STOP"] else file.read(size)
    if code == _CODES["GLOBAL"]:
        names = [file.readline(_LONGEST_NAME), file.readline(_LONGEST_NAME)]
        return b"" if all(name.endswith(b"\n") for name in names) else None
    length = int.from_bytes(file.read(_COUNTS.get(size, 0)), "little")
    if size not in _COUNTS or length > _LONGEST:
        return None
    file.seek(length, io.SEEK_CUR)
    return b""
