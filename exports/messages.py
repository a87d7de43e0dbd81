"""Chat messages with their images inside, as TRL's trainers take them from `datasets.load_dataset(<folder>)`.

    data/<split>-00000-of-00001.parquet

There is a row for each sample that has a trace. `messages` is `[{"role": "user", "content"}, {"role": "assistant",
"content"}, …]`, a pair for each turn that has one, its contents plain texts; `images` are those of the sample, which
belong before the first question: TRL puts them there (`trl.data_utils.prepare_multimodal_messages`).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from curation.prompts.wording import answer_text, question_text
from exports import ImagePath, Item
from exports._shards import IMAGE, Splits, cell_faults, schema

FORMAT_VERSION = 1
QUESTIONS = False
REJECTED = False

_TEXT = pa.string()
COLUMNS = schema(
    [
        ("id", _TEXT),
        ("images", pa.list_(IMAGE)),
        ("messages", pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT)]))),
        ("source", _TEXT),
        ("licence", _TEXT),
    ]
)


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the samples that have a trace into the empty folder."""
    with Splits(folder / "data", COLUMNS, image_path) as splits:
        for item in items:
            if item.traces:
                split, sample = splits[item.split], item.sample
                row = {"id": sample.id, "messages": list(messages(item)), "source": sample.source}
                cells = split.cells(sample.images)
                split.add(row | {"images": cells, "licence": sample.licence}, cells)
        splits.finish()


def messages(item: Item) -> Iterator[dict[str, str]]:
    """Give what is asked and answered, turn by turn."""
    for trace in item.traces:
        yield {"role": "user", "content": question_text(item.sample.turns[trace.turn])}
        yield {"role": "assistant", "content": answer_text(trace.stages)}


def image_faults(folder: Path) -> Iterator[str]:
    """Give a sentence for each image whose bytes are not those that its name says."""
    return cell_faults(folder / "data", ("images",))
