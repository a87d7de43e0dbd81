"""Preferences with their images inside, as TRL's DPOTrainer takes them from `datasets.load_dataset(<folder>)`.

    data/<split>-00000-of-00001.parquet

There is a row for each trace that the policy rejected although it took another one of the same turn: `prompt`, `chosen`
and `rejected` are lists of messages, `images` those of the sample; `rule`, `reason` and `codes` say what was wrong.
Where judges compared the two (`judge --compare`), there is a row only if more of them prefer the taken one.
Source: https://huggingface.co/docs/trl/dataset_formats, "Preference", conversational, with images.
"""

from collections.abc import Iterable
from pathlib import Path

from exports import ImagePath, Item, _single
from exports._pairs import COLUMNS, pairs

FORMAT_VERSION = 1
QUESTIONS = False
REJECTED = True
SAID = True
CONTRASTS = True

_NOTHING = (
    "nothing to pair: no turn has both a taken and a rejected trace; `annotate --repair`, another --model or --recipe, "
    "and edits in `review` give a turn a second one"
)

image_faults = _single.image_faults


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the pairs into the empty folder. Raises UsageError where there is none."""
    _single.write(items, folder, image_path, COLUMNS, pairs, _NOTHING)
