"""A child of `bench_million`: our validators, or our near duplicates, over a file; prints one JSON object.

python million_ours.py checks|alike|near FILE [--processes 2]
"""

# ruff: noqa: PLC0415 - what only a child process needs, only a child imports

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from million_groups import group, groups

if TYPE_CHECKING:
    import numpy as np


_ALIKE = ("language", "leakage", "length", "refusal")
"""The validators that the peers have filters like: those of a text's words, signs, lengths and repetitions."""


def checks(file: Path, processes: int) -> dict[str, Any]:
    """Run all validators over the row groups, as `validate` does: a group at a time in each process."""
    return _over(file, processes, ())


def alike(file: Path, processes: int) -> dict[str, Any]:
    """Run only the validators that peers have filters like."""
    return _over(file, processes, _ALIKE)


def _over(file: Path, processes: int, names: tuple[str, ...]) -> dict[str, Any]:
    told = Counter[str]()
    os.environ["POLARS_MAX_THREADS"] = "1"  # in the processes that start now, as in those of `validate`
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for found in pool.map(_checked, repeat(file), range(groups(file)), repeat(names), repeat(Path(folder))):
            told.update(found)
    return {"found": dict(told)}


def _checked(file: Path, number: int, names: tuple[str, ...], folder: Path) -> dict[str, int]:
    """Check a group; what is found is written, as peers write what they keep."""
    import polars as pl

    from curation import registry, validators

    batch = group(file, number)
    found = {name: validators.get(name).check(batch) for name in names or registry.names("curation.validators")}
    whole = pl.concat(each.with_columns(pl.lit(name).alias("validator")) for name, each in found.items())
    whole.write_parquet(folder / f"{number}.parquet")
    return {name: each.height for name, each in found.items()}


def near(file: Path, _: int) -> dict[str, Any]:
    """Find near duplicates in one process, and say how many planted ones are among them."""
    import numpy as np

    from curation.similarity.texts import Sketches

    sketches, of = Sketches(), list[np.ndarray[Any, Any]]()
    for number in range(groups(file)):
        batch = group(file, number)
        sketches.add(batch["text"])
        of.append(batch["of"].to_numpy())
    later = np.array([pair.later for pair in sketches.pairs()], dtype=np.int64)
    return recall(np.concatenate(of), later)


def recall(originals: "np.ndarray[Any, Any]", told: "np.ndarray[Any, Any]") -> dict[str, Any]:
    """Return the share of copies that are told, and of other texts that are."""
    copy = originals >= 0
    return {"recall": float(copy[told].sum() / copy.sum()), "false": float((~copy[told]).sum() / (~copy).sum())}


def peak() -> float:
    """Return the most MiB that this process, or the largest of its children, has held."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def main() -> None:
    """Run what is asked for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("what", choices=("checks", "alike", "near"))
    arguments.add_argument("file", type=Path)
    arguments.add_argument("--processes", type=int, default=2)
    options = arguments.parse_args()
    begun = time.perf_counter()
    made = {"checks": checks, "alike": alike, "near": near}[options.what](options.file, options.processes)
    json.dump(made | {"seconds": time.perf_counter() - begun, "peak": peak()}, sys.stdout)


if __name__ == "__main__":
    main()
