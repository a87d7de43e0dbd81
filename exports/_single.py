"""A release of one table, whose rows are made of the records and show the pictures of their samples.

data/<split>-00000-of-00001.parquet
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.errors import UsageError
from exports import ImagePath, Item
from exports._shards import Splits, cell_faults

_FOLDER = "data"


def write(
    items: Iterable[Item],
    folder: Path,
    image_path: ImagePath,
    columns: pa.Schema,
    rows: Callable[[Item], Iterator[dict[str, Any]]],
    nothing: str,
) -> None:
    """Write the rows of the items, given without their images. Raises UsageError with `nothing` where there is none."""
    with Splits(folder / _FOLDER, columns, image_path) as splits:
        for item in items:
            for row in rows(item):
                split = splits[item.split]
                cells = split.cells(item.sample.images)
                split.add(row | {"images": cells}, cells)
        splits.finish()
    if not any((folder / _FOLDER).iterdir()):
        raise UsageError(nothing)


def image_faults(folder: Path) -> Iterator[str]:
    """Give a sentence for each image whose bytes are not those that its name says."""
    return cell_faults(folder / _FOLDER, ("images",))
