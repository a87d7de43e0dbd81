"""Tasks for Label Studio: what its annotators see of a record, and our trace for them to correct.

    label_config.xml            the labelling configuration: paste it into the project's settings
    <split>.json                tasks in Label Studio's JSON format, each with our trace as its prediction
    images/<two digits>/<64 digits>.<ext>

Images are links to files, never base64: Label Studio serves the folder when it is started with
LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=<the folder>, and the project
has a local storage of the path <the folder>/images.

A task's `data` names the record, the trace and the digest of its texts, so that what annotators say can be merged with
what happened to the record since: Label Studio's exports leave out what predictions held. What its databases, its
exports or a browser's text area would change or refuse (NUL, carriage returns, lone surrogates) is written as
`⟦u+0000⟧`, and restored by `_label_studio_answers`, which reads what comes back.
"""

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self, TextIO
from xml.etree import ElementTree as ET

from curation.prompts.wording import question_text
from exports import ImagePath, Item, Said
from exports._image_files import copy, file_name
from exports._label_studio_answers import (
    FORMAT_VERSION,
    MARK,
    Annotation,
    Unread,
    escape,
    read_annotations,
    region_id,
    unescape,
    verdict_name,
)
from exports._split_files import path_part
from schemas.digest import digest_json
from schemas.issue import Issue
from schemas.review import StageVerdict
from schemas.sample import ImageRef, Sample
from schemas.trace import STAGES, Stages, Trace

QUESTIONS = False
REJECTED = False
SAID = True

LOCAL_FILES = "/data/local-files/?d="
"""Begins a link to a file below the folder that Label Studio serves."""

_NOTHING = "—"
_NO_IMAGE = [""]
"""Of an empty list, the page shows nothing at all."""


class Shown(NamedTuple):
    """What an annotator sees of a record."""

    sample: Sample
    trace: Trace
    images: tuple[str, ...]
    """Links."""
    issues: tuple[str, ...] = ()
    earlier: tuple[tuple[str, str], ...] = ()
    """Questions and answers of the turns before it."""


def base_digest(stages: Stages) -> str:
    """Return the digest of the texts that an annotator is shown."""
    return digest_json(stages.model_dump())


def model_version(trace: Trace) -> str:
    """Return which model, asked in which way, wrote the trace."""
    made = trace.provenance
    return escape(f"{made.model or made.kind}/{made.recipe or 'unknown'}")


def labelling_config() -> str:
    """Return the labelling configuration: a text area and a verdict for each stage, and a decision."""
    view = ET.Element("View", style="display: flex; gap: 1em; align-items: flex-start")
    left = ET.SubElement(view, "View", style="flex: 1; position: sticky; top: 0; min-width: 0")
    ET.SubElement(left, "Image", name="image", valueList="$images", zoom="true", zoomControl="true")
    right = ET.SubElement(view, "View", style="flex: 1; min-width: 0; overflow-wrap: anywhere")
    for title, value in (("Earlier", "earlier"), ("Question", "question"), ("Answer", "answer"), ("Issues", "issues")):
        ET.SubElement(right, "Header", value=title, size="5")
        ET.SubElement(right, "Text", name=value, value=f"${value}")
    for stage in STAGES:
        _add_stage(right, stage.value)
    ET.SubElement(right, "Header", value="Decision", size="5")
    _add_choices(right, "decision", ("accept", "reject"), required="true", requiredMessage="Accept or reject?")
    on_rejection = {"visibleWhen": "choice-selected", "whenTagName": "decision", "whenChoiceValue": "reject"}
    asked = ET.SubElement(right, "View", on_rejection)
    _add_text(asked, "reason", placeholder="Why?", requiredMessage="Say why it is rejected")
    ET.indent(view)
    return ET.tostring(view, encoding="unicode")


def _add_stage(parent: ET.Element, stage: str) -> None:
    ET.SubElement(parent, "Header", value=stage.capitalize(), size="5")
    _add_text(parent, stage, editable="true", requiredMessage=f"The {stage} may not be empty")
    _add_choices(parent, verdict_name(stage), tuple(StageVerdict))


def _add_text(parent: ET.Element, name: str, **more: str) -> None:
    known = {"name": name, "toName": "question", "rows": "4", "maxSubmissions": "1", "required": "true"}
    ET.SubElement(parent, "TextArea", known | more)


def _add_choices(parent: ET.Element, name: str, values: Iterable[str], **more: str) -> None:
    known = {"name": name, "toName": "question", "choice": "single", "showInline": "true"}
    choices = ET.SubElement(parent, "Choices", known | more)
    for value in values:
        ET.SubElement(choices, "Choice", value=str(value))


def task(shown: Shown) -> dict[str, Any]:
    """Return a task with our trace as its prediction."""
    sample, trace, turn = shown.sample, shown.trace, shown.sample.turns[shown.trace.turn]
    data = {
        "format": MARK,
        "record": f"{sample.id}#{trace.turn}",
        "trace": trace.id,
        "base": base_digest(trace.stages),
        "source": sample.source,
        "question": question_text(turn),
        "answer": "\n".join(turn.targets),
        "issues": "\n".join(shown.issues),
        "earlier": "\n\n".join(f"{question}\n{answer}" for question, answer in shown.earlier),
    }
    texts = {name: escape(text) or _NOTHING for name, text in data.items()}
    return {"data": texts | {"images": list(shown.images) or _NO_IMAGE}, "predictions": [prediction(trace)]}


def prediction(trace: Trace) -> dict[str, Any]:
    """Return our trace as a prediction, which Label Studio puts into the text areas."""
    result = [
        {
            "id": region_id(stage, trace.id),
            "from_name": stage.value,
            "to_name": "question",
            "type": "textarea",
            "value": {"text": [escape(trace.stages[stage])]},
        }
        for stage in STAGES
    ]
    return {"model_version": model_version(trace), "result": result}


def told(issue: Issue) -> str:
    """Return an issue as an annotator reads it."""
    return f"{issue.severity}: {issue.message}"


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the items that have a trace into the empty folder."""
    with TaskFiles(folder) as tasks:
        for item in items:
            links = tasks.add_images(item.sample.images, image_path) if item.traces else ()
            for trace in item.traces:
                issues = tuple(map(told, item.said.get(trace.id, Said()).issues))
                tasks.add(item.split, task(Shown(item.sample, trace, links, issues, _earlier(item, trace))))


def _earlier(item: Item, trace: Trace) -> tuple[tuple[str, str], ...]:
    answers = {each.turn: each.stages.conclusion for each in item.traces}
    turns = enumerate(item.sample.turns[: trace.turn])
    return tuple((turn.question, turn.target or answers.get(number, "")) for number, turn in turns)


class TaskFiles:
    """The files of tasks in a folder, each one JSON list, with the configuration beside them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._files: dict[str, TextIO] = {}

    def add(self, name: str, one: dict[str, Any]) -> None:
        """Append a task to `<name>.json`."""
        begun = name in self._files
        if not begun:
            path = self._folder / f"{path_part(name)}.json"
            self._files[name] = self._open.enter_context(path.open("w", encoding="ascii", newline="\n"))
        self._files[name].write(f"{',' if begun else '['}\n{json.dumps(one, sort_keys=True)}")

    def add_images(self, refs: Iterable[ImageRef], image_path: ImagePath) -> tuple[str, ...]:
        """Copy the images into the folder; return links to them."""
        return tuple(f"{LOCAL_FILES}{self._add_image(ref, image_path)}" for ref in refs)

    def _add_image(self, ref: ImageRef, image_path: ImagePath) -> str:
        name = f"images/{file_name(ref)[:2]}/{file_name(ref)}"
        copy(ref, image_path, self._folder / name)
        return name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._open:
            for file in self._files.values():
                file.write("\n]\n")
        (self._folder / "label_config.xml").write_text(f"{labelling_config()}\n", encoding="utf-8", newline="\n")


__all__ = [
    "FORMAT_VERSION", "MARK", "Annotation", "Shown", "TaskFiles", "Unread", "labelling_config", "model_version",
    "prediction", "read_annotations", "task", "told", "unescape", "write",
]  # fmt: skip
