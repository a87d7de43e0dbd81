"""Steps with labels and their images, as TRL's PRMTrainer takes them from `datasets.load_dataset(<folder>)`.

    data/<split>-00000-of-00001.parquet

There is a row for each trace, taken by the policy or rejected by it, of which people, judges or validators said
anything: `prompt`, `completions` (its steps) and `labels`; `verdicts` has the verdicts behind them, `label_sources` who
gave each (people's word counts before judges', judges' before validators'), `quotes` and `reasons` what it is about.
"""

from collections.abc import Iterable
from pathlib import Path

from exports import ImagePath, Item, _single
from exports._steps import COLUMNS, rows

FORMAT_VERSION = 1
QUESTIONS = False
REJECTED = True
SAID = True
CONTRASTS = True

_NOTHING = "no step has a label: `judge` has models judge every step, and in `review` people rate the stages"

image_faults = _single.image_faults


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the labelled traces into the empty folder. Raises UsageError where there is none."""
    _single.write(items, folder, image_path, COLUMNS, rows, _NOTHING)
