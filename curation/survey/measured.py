"""What the validators find of planted faults, as `tests/bench/bench_checks.py --json` measured it.

The figures are of the project's own corruptor and good traces, not of the workspace; they stand on the page beside what
was found there, so that a reader knows how far a code can be trusted.
"""

import json
from importlib.resources import files
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from curation import registry, validators


class Counted(NamedTuple):
    """Of how many traces a validator has something to say."""

    traces: int
    told: int
    """By an error or a warning."""
    errors: int


class Measured(BaseModel):
    """The figures: of each kind of traces, what each validator said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: str
    """When it was measured, as in 2026-01-31."""
    command: str
    """What measures it again."""
    versions: dict[str, int]
    """Of the validators, as they were then."""
    good: tuple[str, ...]
    """The kinds of traces that are good, of which whatever is said is a false alarm; the others have a fault each."""
    shares: dict[str, dict[str, Counted]]

    def outdated(self) -> list[str]:
        """Return the validators that have changed since, and those that were not there."""
        return [
            name
            for name in registry.names("curation.validators")
            if self.versions.get(name) != validators.get(name).VERSION
        ]


def measured() -> Measured:
    """Return the figures that come with this version."""
    text = files("curation.survey").joinpath("measured.json").read_text(encoding="utf-8")
    return Measured.model_validate(json.loads(text))
