"""JSON answers, read strictly: one object, bare or in a Markdown code fence, in which nothing is named twice."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

A = TypeVar("A", bound=BaseModel)

_CODE = "```"
_FAULTS = {"missing": "it is missing", "enum": "it is none of the words that are allowed"}


def load(kind: type[A], text: str) -> A:
    """Read an answer. Raises ValueError that says in our words what is wrong with it, and quotes nothing of it."""
    try:
        found = json.loads(_bare(text), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not one JSON object, or it names something twice") from error
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise ValueError(f"{place} is not as asked: {_FAULTS.get(first['type'], 'it is of another type')}") from error


def _bare(text: str) -> str:
    text = text.strip()
    if len(text) < 2 * len(_CODE) or not (text.startswith(_CODE) and text.endswith(_CODE)):
        return text
    return text.removeprefix(_CODE).removesuffix(_CODE).removeprefix("json").strip()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found
