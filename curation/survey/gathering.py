"""The reading of a workspace for its page: everything at one moment, in pages, a bounded part of it in memory."""

from collections.abc import Sequence
from typing import NamedTuple

from curation.calibration import Calibration
from curation.store import Store, survey
from curation.store.census import SourceCount
from curation.strata import Coverage, Stratum
from curation.survey.clusters import sizes
from curation.survey.examples import Example, examples
from curation.survey.lengths import DRAWN, Lengths, measure
from curation.survey.measured import Measured, measured
from curation.survey.spending import Spent, spending
from curation.survey.tally import Tally, tally


class Counted(NamedTuple):
    """What `validate` has counted already."""

    sources: Sequence[SourceCount]
    coverage: Coverage
    calibration: Calibration


class Contents(NamedTuple):
    """What the page shows."""

    sources: Sequence[SourceCount]
    states: dict[tuple[str, str], int]
    """Turns by source and how reviewers left them."""
    tally: Tally
    lengths: Lengths
    clusters: dict[str, dict[str, int]]
    """Clusters of repeats by size, for each code."""
    examples: Sequence[Example]
    strata: Sequence[Stratum]
    emptied: frozenset[str]
    """Names of the strata of which much less is clean than of their source."""
    spent: Sequence[Spent]
    measured: Measured
    calibration: Calibration


def gather(store: Store, counted: Counted) -> Contents:
    """Read what the page shows, but for what is counted already."""
    with store.snapshot() as connection:
        found = tally(survey.findings(connection))
        shown = [each for ids in found.examples.values() for each in ids]
        return Contents(
            sources=counted.sources,
            states=survey.reviewed(connection),
            tally=found,
            lengths=measure(survey.lengths(connection, DRAWN)),
            clusters=sizes(survey.messages(connection, "duplicate")),
            examples=examples(survey.cases(connection, shown), found.examples, store.images),
            strata=counted.coverage.strata(),
            emptied=frozenset(stratum.name for stratum in counted.coverage.emptied("clean")),
            spent=spending(survey.paid(connection), survey.kept(connection)),
            measured=measured(),
            calibration=counted.calibration,
        )
