"""Scenes: coloured shapes on a grey ground, drawn when they are read, with one question each and its exact answer.

The official folder holds `scenes.json`: `{"seed": 0, "objects": [2, 5], "count": {"train": 12000, "val": 400, "test":
3000}}`. A scene and its question depend on the seed, the split and their number alone, so more of them leave the
earlier ones as they were, and no split has drawn from another's numbers.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from curation.errors import DataError, MissingError, first_fault
from curation.images import ImageFault, inspect
from curation.scene_graph import objects, picture, questions, traces
from curation.sources import Ingested, Row, clevr
from curation.sources._reading import named_split
from schemas.sample import Record, Sample, Turn

TITLE = "Scenes"
HOMEPAGE = "https://cs.stanford.edu/people/jcjohns/clevr/"
LICENCE = "Apache-2.0"
CITATION = (
    "Drawn by this project; the idea is that of Johnson, Hariharan, van der Maaten, Fei-Fei, Zitnick, Girshick: "
    "CLEVR: A Diagnostic Dataset for Compositional Language and Elementary Visual Reasoning. CVPR 2017. "
    "https://arxiv.org/abs/1612.06890"
)
BIBTEX = clevr.BIBTEX
HUBS = ()
COUNTS = {"train": 0, "val": 0, "test": 0}
SCORER = "exact-match"

_FILE = "scenes.json"
_ALIASES = {"validation": "val"}
_Objects = Annotated[int, Field(ge=1, le=objects.GRID**2)]
_Count = Annotated[int, Field(ge=0, le=999_999)]


class _Counts(Record):
    train: _Count = 0
    val: _Count = 0
    test: _Count = 0


class _Recipe(Record):
    """What scenes.json says."""

    seed: int = 0
    objects: tuple[_Objects, _Objects] = (2, 5)
    count: _Counts

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.objects[0] > self.objects[1]:
            raise ValueError("the fewest objects are more than the most")
        return self


def rows(folder: Path, split: str) -> Iterator[Row]:
    """Draw a split; `Row.fields` has number, question, answer, type and level.

    Raises DataError before the first row where there is no scenes.json, or where it can't be read.
    """
    split = named_split(split, COUNTS, _ALIASES)
    recipe = _recipe(folder / _FILE)
    if not (count := getattr(recipe.count, split)):
        raise DataError(f"{folder / _FILE}: count has no {split}: write how many to draw")
    return (_row(recipe, split, number) for number in range(1, count + 1))


def _recipe(path: Path) -> _Recipe:
    try:
        return _Recipe.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f'expected {path} with {{"count": {{"train": 1000}}}}: {error.strerror}') from error
    except ValidationError as error:
        raise DataError(f"{path}: {first_fault(error)}") from error


def _row(recipe: _Recipe, split: str, number: int) -> Row:
    rng = Random(f"{recipe.seed}:{split}:{number}")  # noqa: S311 - draws, not secrets
    scene = objects.draw(rng, *recipe.objects)
    question = questions.draw(scene.rows, rng)
    fields = {
        "number": number,
        "question": question.text,
        "answer": traces.derive(scene.rows, question).conclusion,
        "type": question.type,
        "level": question.level(scene.rows),
    }
    return Row(f"{_FILE}, {split} {number}", split, fields, (inspect(picture.to_png(scene)),))


def hub_rows(split: str, hub: str = "") -> Iterator[Row]:  # noqa: ARG001 - every source has them
    """There are none."""
    raise MissingError(f"scenes ({split}) are drawn, not downloaded: use --sample, or --data DIR with a {_FILE}")


def to_sample(row: Row) -> Ingested:
    """Map one row to a Sample of one turn with one target."""
    fields = row.fields
    sample = Sample(
        id=f"scenes/{row.split}/{fields['number']:06}",
        images=tuple(image.ref for image in row.images if not isinstance(image, ImageFault)),
        turns=(Turn(question=fields["question"], targets=(fields["answer"],), scorer=SCORER),),
        labels={"type": fields["type"], "level": fields["level"]},
        licence=LICENCE,
        citation=CITATION,
    )
    return Ingested(sample)
