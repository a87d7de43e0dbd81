"""How the desk of a workspace is run: `review.toml` in its folder, where the defaults are not what is wanted."""

import tomllib
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from curation.errors import DataError, first_fault
from curation.review.guidelines import guidelines

FILE = "review.toml"

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Terms(NamedTuple):
    """How the desk is run. Everybody who works on a workspace works under the same terms."""

    lease_seconds: Annotated[float, Field(ge=0.0)] = 120.0
    """Time after which a record that nobody renews is free again."""
    second_share: Share = 0.10
    """Share of traces that a second reviewer looks at too."""
    gold_every: Annotated[int, Field(ge=0)] = 20
    """One in so many records has a known answer, while there are such; 0 for none."""
    batch: Annotated[int, Field(gt=0)] = 300
    """Decisions that are judged together."""
    max_wrong: Share = 0.10
    """Share of checked decisions that may be wrong; with more, a batch is sent back."""
    guidelines: str = ""
    """Version of the guidelines."""


_SETTINGS = set(Terms._fields) - {"guidelines"}


def terms_of(workspace: Path) -> Terms:
    """Read the terms of a workspace. Raises DataError for a file that can't be read, or a term that is none."""
    path = workspace / FILE
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} can't be read: {' '.join(str(error).split())}") from error
    if unknown := sorted(set(given) - _SETTINGS):
        raise DataError(f"{path}: there is no setting {unknown[0]!r}; there are {', '.join(sorted(_SETTINGS))}")
    try:
        terms = TypeAdapter(Terms).validate_python(given)
    except ValidationError as error:
        raise DataError(f"{path}: {first_fault(error)}") from None
    return terms._replace(guidelines=guidelines(workspace).version)
