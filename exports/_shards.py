"""Parquet files, shard by shard and row group by row group for each split, in bounded memory."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import DataError
from exports import ImagePath
from exports._image_files import file_name, read_image
from exports._split_files import path_part
from schemas.digest import digest_bytes
from schemas.halves import whole
from schemas.sample import ImageRef

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""The Hub's image cell. `bytes` are stored untouched: neither compressed nor in a dictionary."""

Cell = dict[str, Any]
"""`{"bytes": …, "path": …}`."""

_SHARDS = "*-*-of-*.parquet"
GROUP_ROWS = 100
GROUP_BYTES = 64 * 2**20
"""Image bytes of a row group, unless a single row has more."""
SHARD_BYTES = 500_000_000
"""Image bytes of a shard, unless a single row group has more."""


def schema(columns: list[tuple[str, pa.DataType]]) -> pa.Schema:
    """Return the schema with the metadata by which `datasets` and the Hub know an image from a struct.

    Lists are described as `[item]`, the form that every version of `datasets` reads.
    """
    features = {name: _feature(kind) for name, kind in columns}
    metadata = json.dumps({"info": {"features": features}})
    return pa.schema(columns, metadata={"huggingface": metadata})


def _feature(kind: pa.DataType) -> object:
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    return {"dtype": str(kind), "_type": "Value"}


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, bool]]:
    """Give each leaf column's path, and whether it holds text (not an image's bytes)."""
    if pa.types.is_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    else:
        yield path, kind != pa.binary()


def _writer(path: Path, columns: pa.Schema) -> pq.ParquetWriter:
    leaves = [leaf for field in columns for leaf in _leaves(field.name, field.type)]
    texts = [name for name, is_text in leaves if is_text]
    return pq.ParquetWriter(
        path,
        columns,
        compression={name: "zstd" if is_text else "none" for name, is_text in leaves},
        use_dictionary=texts,
        write_statistics=texts,
        write_page_index=True,
    )


class Shards:
    """The shards of one split, under passing names until `finish` knows how many they are."""

    def __init__(self, folder: Path, split: str, columns: pa.Schema) -> None:
        self._folder = folder
        self._split = path_part(split)
        self._columns = columns
        self._paths: list[Path] = []
        self._rows: list[dict[str, Any]] = []
        self._group_bytes = 0
        self._shard_bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def add(self, row: dict[str, Any], image_bytes: int) -> bool:
        """Take a row; tell whether it began a row group."""
        full = len(self._rows) == GROUP_ROWS or self._group_bytes + image_bytes > GROUP_BYTES
        if self._rows and full:
            self.flush()
        self._rows.append(row)
        self._group_bytes += image_bytes
        return len(self._rows) == 1

    def flush(self) -> None:
        """Write the row group, into a new shard where it doesn't fit."""
        if not self._rows:
            return
        if self._shard_bytes + self._group_bytes > SHARD_BYTES:
            self.close()
        self._open().write_table(_table(self._rows, self._columns))
        self._shard_bytes += self._group_bytes
        self._rows, self._group_bytes = [], 0

    def _open(self) -> pq.ParquetWriter:
        if self._writer is None:
            path = self._folder / f"{self._split}-{len(self._paths):05d}.parquet"
            self._writer = _writer(path, self._columns)
            self._paths.append(path)
            self._shard_bytes = 0
        return self._writer

    def close(self) -> None:
        """End the shard that is being written."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()

    def finish(self) -> None:
        """Write what is left, and give the shards their final names."""
        self.flush()
        self.close()
        for index, path in enumerate(self._paths):
            path.rename(self._folder / f"{self._split}-{index:05d}-of-{len(self._paths):05d}.parquet")


def _table(rows: list[dict[str, Any]], columns: pa.Schema) -> pa.Table:
    """Return rows as a table; half characters, which it can't hold, become U+FFFD."""
    try:
        return pa.Table.from_pylist(rows, schema=columns)
    except UnicodeEncodeError:
        return pa.Table.from_pylist([_whole(row) for row in rows], schema=columns)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    return [_whole(each) for each in value] if isinstance(value, list | tuple) else value


ReadImage = Callable[[ImageRef], bytes]


class Pictured:
    """The rows of one split. An image is read once for each row group that shows it."""

    def __init__(self, shards: Shards, read: ReadImage) -> None:
        self.shards = shards
        self._read = read
        self._cells: dict[str, Cell] = {}

    def cells(self, images: Sequence[ImageRef]) -> list[Cell]:
        """Return a cell for each image: its bytes as they were found, named by their digest."""
        return [self._cell(ref) for ref in images]

    def _cell(self, ref: ImageRef) -> Cell:
        name = file_name(ref)
        if name not in self._cells:
            self._cells[name] = {"bytes": self._read(ref), "path": name}
        return self._cells[name]

    def add(self, row: dict[str, Any], shown: Sequence[Cell]) -> None:
        """Take a row, in which these cells are."""
        if self.shards.add(row, sum(len(cell["bytes"]) for cell in shown)):
            self._cells = {cell["path"]: cell for cell in shown}


class Splits(ExitStack):
    """The rows of each split, in `<folder>/<split>-00000-of-00001.parquet`; a split without rows has no file."""

    def __init__(self, folder: Path, columns: pa.Schema, image_path: ImagePath, read: ReadImage | None = None) -> None:
        """Begin; `read` takes the place of reading each image anew where several tables show the same ones."""
        super().__init__()
        folder.mkdir(exist_ok=True)
        self._folder, self._columns = folder, columns
        self._read = read or partial(read_image, image_path=image_path)
        self._splits: dict[str, Pictured] = {}

    def __getitem__(self, split: str) -> Pictured:
        if split not in self._splits:
            shards = Shards(self._folder, split, self._columns)
            self.callback(shards.close)
            self._splits[split] = Pictured(shards, self._read)
        return self._splits[split]

    def finish(self) -> None:
        """Write what is left."""
        for split in self._splits.values():
            split.shards.finish()


def shards(folder: Path) -> list[Path]:
    """Return the files of all splits."""
    return sorted(folder.glob(_SHARDS))


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file to read from; what pyarrow can't read of it is a DataError."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DataError(f"{path} can't be read: {' '.join(str(error).split())[:200]}") from error


def cell_faults(folder: Path, columns: Sequence[str]) -> Iterator[str]:
    """Give a sentence for each image of these columns whose bytes are not those of the digest that it is named by."""
    for path in shards(folder):
        with opened(path) as file:
            known = [name for name in columns if name in file.schema_arrow.names]
            groups = (file.read_row_group(group, columns=known) for group in range(file.num_row_groups))
            for batch in chain.from_iterable(group.to_batches() for group in groups):  # else all is read ahead
                for name in known:
                    yield from (f"{folder.name}/{path.name}: {fault}" for fault in _cell_faults(batch.column(name)))


def _cell_faults(cells: pa.Array) -> Iterator[str]:
    flat = cells.flatten() if pa.types.is_list(cells.type) else cells
    for name, data in zip(flat.field("path"), flat.field("bytes"), strict=True):
        if data.is_valid and digest_bytes(data.as_buffer()) != f"sha256:{name.as_py().split('.')[0]}":
            yield f"the image {name} is not what its name says"
