"""What the licences of a release's samples allow: those that can't be published without a thought are named.

A licence is free where its name, up to a semicolon, is one that allows commercial use: the identifiers are SPDX's
(https://spdx.org/licenses/), those of data among them. Any other is non-commercial or for research only where it says
so, and unknown where it doesn't.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from curation.release import UNKNOWN
from schemas.manifest import Manifest

_FREE = re.compile(
    r"(apache|mit|bsd|isc|unlicense|cc0|cc-by(-sa)?-[1-4]|cc-pddc|a?gpl|lgpl|mpl|odc-by|odbl|pddl|cdla|c-uda)\b[\w.+-]*"
)
_NON_COMMERCIAL = re.compile(r"\bnc\b|non-?commercial")
_RESEARCH = re.compile(r"research|educational|academic")


class Restricted(NamedTuple):
    """Samples that may not be published just so."""

    licence: str
    why: Literal["non-commercial", "research only", "unknown"]
    samples: int


def restricted(manifest: Manifest) -> Iterator[Restricted]:
    """Give the licences that restrict what may be done with a release, with the numbers of their samples.

    Nothing is known of a release that was built before licences were counted.
    """
    total = sum(manifest.counts.get("samples_by_source", {}).values())
    for licence, count in manifest.counts.get("samples_by_licence", {UNKNOWN: total}).items():
        if why := restriction(licence):
            yield Restricted(licence, why, count)


def restriction(licence: str) -> Literal["non-commercial", "research only", "unknown"] | None:
    """Say what keeps samples under this licence from being published just so; None where nothing does."""
    named = licence.lower().strip()
    if _NON_COMMERCIAL.search(named):
        return "non-commercial"
    if _RESEARCH.search(named):
        return "research only"
    return None if _FREE.fullmatch(re.sub(r"\s+", "-", named.partition(";")[0].strip())) else "unknown"
