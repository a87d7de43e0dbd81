"""Two people's words on one trace: a three-way merge, stage by stage."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.trace import STAGES, Stage, Stages


class Merge(NamedTuple):
    """What two edits of one text make together."""

    texts: dict[Stage, str]
    """The stages that differ from the base, but for those in conflict."""
    conflicts: tuple[Stage, ...]
    """Stages that both changed, each differently."""


def changes(base: Stages, texts: Mapping[Stage, str]) -> dict[Stage, str]:
    """Return those of the texts that are not the base's."""
    return {stage: text for stage, text in texts.items() if text != base[stage]}


def merge(base: Stages, theirs: Mapping[Stage, str], ours: Mapping[Stage, str]) -> Merge:
    """Merge two edits of the base: what only one of them changed is taken, what both changed alike too."""
    theirs, ours = changes(base, theirs), changes(base, ours)
    conflicts = tuple(stage for stage in STAGES if stage in theirs and theirs[stage] != ours.get(stage, theirs[stage]))
    merged = ours | theirs
    return Merge({stage: merged[stage] for stage in STAGES if stage in merged and stage not in conflicts}, conflicts)


def texts_of(stages: Stages) -> dict[Stage, str]:
    """Return the four texts by stage."""
    return {stage: stages[stage] for stage in STAGES}
