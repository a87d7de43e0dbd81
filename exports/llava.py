"""LLaVA-CoT-100k's layout, field for field (arXiv 2411.10440, Hub data set Xkev/LLaVA-CoT-100k).

    train.jsonl, validation.jsonl, test.jsonl       a split without records has no file
    image/<source>/<64 digits>.<ext>

A record is `{"id", "image", "conversations": [{"from": "human", "value"}, {"from": "gpt", "value"}, …]}`:

- `image` is a path relative to the folder, a list of paths where the sample has several images, and absent
  where it has none. There is no `<image>` mark in the question, as in the original.
- A human value is the context (a hint or a passage), the question, and the choices as `A. …` lines.
- A gpt value has the original's white space: a blank inside each tag, an empty line between the stages.
- Turns without a trace are left out, and so are samples without any.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from curation.prompts.wording import answer_text, question_text
from exports import ImagePath, Item
from exports._image_files import copy_all
from exports._split_files import appender, ascii_line

FORMAT_VERSION = 1
QUESTIONS = False
REJECTED = False


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the items that have a trace into the empty folder."""
    with appender(folder) as append:
        for item in items:
            if item.traces:
                names = list(copy_all(item.sample, folder, image_path))
                append(item.split, ascii_line(_record(item, names)))


def _record(item: Item, images: list[str]) -> dict[str, object]:
    named = {"image": images[0] if len(images) == 1 else images} if images else {}
    return {"id": item.sample.id, **named, "conversations": list(_conversation(item))}


def _conversation(item: Item) -> Iterator[dict[str, str]]:
    for trace in item.traces:
        yield {"from": "human", "value": question_text(item.sample.turns[trace.turn])}
        yield {"from": "gpt", "value": answer_text(trace.stages)}
