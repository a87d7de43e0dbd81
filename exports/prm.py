"""Steps with labels and their images, as TRL's PRMTrainer takes them from `datasets.load_dataset(<folder>)`.

    data/<split>-00000-of-00001.parquet

There is a row for each trace, taken by the policy or rejected by it, of which people, judges or validators said
anything: `prompt`, `completions` (its steps) and `labels`; `verdicts` has the verdicts behind them, `label_sources` who
gave each (people's word counts before judges', judges' before validators'), `quotes` and `reasons` what it is about.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from curation.errors import UsageError
from exports import ImagePath, Item
from exports._shards import Splits, cell_faults
from exports._steps import COLUMNS, rows

FORMAT_VERSION = 1
QUESTIONS = False
REJECTED = True
SAID = True
CONTRASTS = True


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the labelled traces into the empty folder. Raises UsageError where there is none."""
    with Splits(folder / "data", COLUMNS, image_path) as splits:
        for item in items:
            for row in rows(item):
                split = splits[item.split]
                cells = split.cells(item.sample.images)
                split.add(row | {"images": cells}, cells)
        splits.finish()
    if not any((folder / "data").iterdir()):
        raise UsageError(
            "no step has a label: `judge` has models judge every step, and in `review` people rate the stages"
        )


def image_faults(folder: Path) -> Iterator[str]:
    """Give a sentence for each image whose bytes are not those that its name says."""
    return cell_faults(folder / "data", ("images",))
