"""What every verb has: a Config, from which its flags are made, and a Report, which is what it has to say."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Group, Parameter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from curation.errors import Exit


def split_commas(value: Any) -> Any:
    """Split a flag's texts at their commas; anything else is left to Pydantic."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        return value
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


EVERY_VERB = Group("Every verb", sort_key=1)
ManyInOne = Parameter(n_tokens=1)
Names = Annotated[tuple[str, ...], BeforeValidator(split_commas), ManyInOne]
"""Several values in one flag, separated by commas: `--source chartqa,docvqa`."""


class Config(BaseModel):
    """The flags of a verb. Subclasses add their own; a field's description is its help."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    json_: Annotated[bool, Parameter(name="--json", group=EVERY_VERB)] = Field(
        False, description="Print one JSON object."
    )
    debug: Annotated[bool, Parameter(group=EVERY_VERB)] = Field(
        False, description="Show a traceback where an error is not one of those made for a person."
    )


class WorkspaceConfig(Config):
    """The flags of a verb that works on a workspace."""

    workspace: Annotated[Path, Parameter(group=EVERY_VERB)] = Field(
        default_factory=lambda: Path(os.environ.get("CURATION_WORKSPACE") or "workspace"),
        description="Folder that holds records, images and logs [env: CURATION_WORKSPACE; default: ./workspace].",
    )


class Table(NamedTuple):
    """A table to print. A cell may be any value; numbers are set to the right."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]


class Report(BaseModel):
    """What a verb did. Its fields are the JSON form; `tables` and `lines` are the form for a person."""

    model_config = ConfigDict(extra="forbid")

    @property
    def exit_code(self) -> Exit:
        """Return 0, or 1 where the report lists failures."""
        return Exit.DONE

    def tables(self) -> Sequence[Table]:
        """Return the tables to print."""
        return ()

    def lines(self) -> Sequence[str]:
        """Return the sentences to print after the tables."""
        return ()

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return self.model_dump(mode="json")
