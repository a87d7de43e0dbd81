"""Preferences with their images inside, as TRL's DPOTrainer takes them from `datasets.load_dataset(<folder>)`.

    data/<split>-00000-of-00001.parquet

There is a row for each trace that the policy rejected although it took another one of the same turn: `prompt`, `chosen`
and `rejected` are lists of messages, `images` those of the sample; `rule`, `reason` and `codes` say what was wrong.
Where judges compared the two (`judge --compare`), there is a row only if more of them prefer the taken one.
Source: https://huggingface.co/docs/trl/dataset_formats, "Preference", conversational, with images.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from curation.errors import UsageError
from exports import ImagePath, Item
from exports._pairs import COLUMNS, pairs
from exports._shards import Splits, cell_faults

FORMAT_VERSION = 1
QUESTIONS = False
REJECTED = True
SAID = True
CONTRASTS = True


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the pairs into the empty folder. Raises UsageError where there is none."""
    with Splits(folder / "data", COLUMNS, image_path) as splits:
        for item in items:
            for row in pairs(item):
                split = splits[item.split]
                cells = split.cells(item.sample.images)
                split.add(row | {"images": cells}, cells)
        splits.finish()
    if not any((folder / "data").iterdir()):
        raise UsageError(
            "nothing to pair: no turn has both a taken and a rejected trace; `annotate --repair`, another --model or "
            "--recipe, and edits in `review` give a turn a second one"
        )


def image_faults(folder: Path) -> Iterator[str]:
    """Give a sentence for each image whose bytes are not those that its name says."""
    return cell_faults(folder / "data", ("images",))
