"""ShareGPT conversations with a `dataset_info.json`, as LLaMA-Factory reads them from `dataset_dir: <folder>`.

    train.jsonl, validation.jsonl, test.jsonl       a split without records has no file
    dataset_info.json                               a data set `traces_<split>` for each of them
    image/<source>/<64 digits>.<ext>

A record is `{"id", "images": [path, …], "conversations": [{"from": "human", "value"}, {"from": "gpt", "value"}, …]}`.
The first question begins with a line `<image>` for each image; where a text itself says `<image>`, a blank comes into
it, as LLaMA-Factory refuses a record with more marks than images.
Source: https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md, "ShareGPT format".
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from curation.prompts.wording import answer_text, question_text
from exports import ImagePath, Item
from exports._image_files import copy_all
from exports._split_files import appender, ascii_line

FORMAT_VERSION = 1
QUESTIONS = False
REJECTED = False

_MARK = "<image>"
_COLUMNS = {"messages": "conversations", "images": "images"}


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the samples that have a trace into the empty folder."""
    with appender(folder) as append:
        for item in items:
            if item.traces:
                images = list(copy_all(item.sample, folder, image_path))
                record = {"id": item.sample.id, "images": images, "conversations": list(_conversation(item))}
                append(item.split, ascii_line(record))
    files = sorted(folder.glob("*.jsonl"))
    info = {
        f"traces_{path.stem}": {"file_name": path.name, "formatting": "sharegpt", "columns": _COLUMNS} for path in files
    }
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=1) + "\n", encoding="ascii", newline="\n")


def _conversation(item: Item) -> Iterator[dict[str, str]]:
    marks = f"{_MARK}\n" * len(item.sample.images)
    for trace in item.traces:
        yield {"from": "human", "value": marks + _unmarked(question_text(item.sample.turns[trace.turn]))}
        yield {"from": "gpt", "value": _unmarked(answer_text(trace.stages))}
        marks = ""


def _unmarked(text: str) -> str:
    return text.replace(_MARK, "<image >")
