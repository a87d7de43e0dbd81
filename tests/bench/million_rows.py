"""Files of many traces, and of many texts with near duplicates among them: the same for the same numbers.

The traces are those of `tests.clean_traces` with `tests.corruptor`'s faults among them, drawn at random, each time with
a sentence of its own before the reasoning: hardly two texts are the same, hardly two neighbours share an image.
The texts are of words drawn as often as words are used (Zipf's law); every tenth is a copy of an earlier one in which
one to four words are changed.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import harness
import numpy as np
import polars as pl
import pyarrow.parquet as pq
from million_groups import GROUP

sys.path.insert(0, str(harness.ROOT))

from curation.validators import frame
from tests.clean_traces import clean
from tests.corruptor import corrupted

_POOL = 12_000
_FAULTY = 40
"""Good traces that every fault is planted in: about 5 % of the pool."""
_WORDS, _VOCABULARY = 90, 50_000
_COPIED = 10
_OPENINGS = ("First of all,", "To begin with,", "As far as one can see,", "At first sight,", "Seen as a whole,")
_PLACES = ("wall", "floor", "window", "corner", "frame", "border", "margin", "ground", "middle", "background")
_LOOKS = ("plain", "even", "bright", "blurred", "quiet", "dull", "sharp", "soft", "faded", "smooth", "rough", "clear")


def traces(folder: Path, count: int) -> Path:
    """Return a Parquet file of so many traces, in row groups, in the columns of a batch; it is made once."""
    file = folder / f"traces-{count}.parquet"
    return file if file.exists() else _written(file, _batches(_pool(folder), count))


def texts(folder: Path, count: int) -> Path:
    """Return a Parquet file of so many texts: `id`, `text`, and of a copy the row `of` which it is one."""
    file = folder / f"texts-{count}.parquet"
    return file if file.exists() else _written(file, _copied_texts(count))


def parts(file: Path, count: int) -> list[Path]:
    """Return the ids and texts of a file in so many files, alone in a folder: peers share out files, not rows."""
    folder = file.with_suffix("") / str(count)
    made = [folder / f"{number}.parquet" for number in range(count)]
    if not all(each.exists() for each in made):
        texts = pl.scan_parquet(file).select(pl.coalesce(pl.col("^(id|subject)$")).alias("id"), "text").collect()
        folder.mkdir(parents=True, exist_ok=True)
        size = -(-len(texts) // count)
        for number, each in enumerate(made):
            texts[number * size : (number + 1) * size].write_parquet(each, row_group_size=GROUP)
    return made


def _written(file: Path, frames: Iterator[pl.DataFrame]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary, writer = file.with_suffix(".part"), None
    for each in frames:
        table = each.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(temporary, table.schema)
        writer.write_table(table, row_group_size=GROUP)
    if writer is None:
        raise ValueError("there are no rows to write")
    writer.close()
    return temporary.rename(file)


def _pool(folder: Path) -> pl.DataFrame:
    file = folder / f"pool-{_POOL}.parquet"
    if not file.exists():
        good = clean(_POOL)
        faulty = [planted.subject for planted in corrupted(good[:_FAULTY])]
        folder.mkdir(parents=True, exist_ok=True)
        frame([*good, *faulty]).unique("subject", keep="first", maintain_order=True).write_parquet(file)
    return pl.read_parquet(file)


def _batches(pool: pl.DataFrame, count: int) -> Iterator[pl.DataFrame]:
    rng = random.Random(0)
    for start in range(0, count, GROUP):
        size = min(GROUP, count - start)
        rows = pool[[rng.randrange(len(pool)) for _ in range(size)]]
        said = pl.Series("own", [_sentence(rng) for _ in range(size)])
        number = pl.int_range(start, start + size).cast(pl.String)
        own = pl.concat_str(said, pl.lit(" "))
        yield rows.with_columns(
            pl.concat_str(pl.lit("row-"), number).alias("subject"),
            pl.concat_str(pl.lit("bench/train/"), number).alias("sample"),
            pl.when(pl.col("reasoning").is_not_null()).then(own + pl.col("reasoning")).alias("reasoning"),
            pl.col("text").str.replace("<REASONING>", "<REASONING>" + said, literal=True),
        )


def _sentence(rng: random.Random) -> str:
    place, other = rng.sample(_PLACES, 2)
    look, also = rng.sample(_LOOKS, 2)
    return f"{rng.choice(_OPENINGS)} the {place} looks {look}, and the {other} is {also} beside it."


def _copied_texts(count: int) -> Iterator[pl.DataFrame]:
    rng = np.random.default_rng(0)
    words = np.array([f"{prefix}{number:x}" for number in range(_VOCABULARY // 5) for prefix in "abcde"])
    ranks = 1 / (np.arange(_VOCABULARY) + 20)
    bounds = np.cumsum(ranks / ranks.sum())
    for start in range(0, count, GROUP):
        size = min(GROUP, count - start)
        drawn = np.minimum(np.searchsorted(bounds, rng.random((size, _WORDS))), _VOCABULARY - 1)
        copies = np.arange(_COPIED - 1, size, _COPIED)
        drawn[copies] = drawn[copies - _COPIED + 1]
        for edit in range(4):
            changed = copies[rng.integers(0, 4, len(copies)) >= edit]
            drawn[changed, rng.integers(0, _WORDS, len(changed))] = rng.integers(0, _VOCABULARY, len(changed))
        of = np.full(size, -1)
        of[copies] = start + copies - _COPIED + 1
        said = [" ".join(row) for row in words[drawn].tolist()]
        ids = [str(number) for number in range(start, start + size)]
        yield pl.DataFrame({"id": ids, "text": said, "of": of})
