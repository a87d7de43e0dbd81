"""Under which licence a release as a whole may be used: the strictest of its samples'."""

import re
from collections.abc import Collection
from typing import NamedTuple

from curation.releases.licences import restriction

HUB_LICENCES = frozenset(
    """
    afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0
    cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
    cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 gfdl gpl gpl-2.0 gpl-3.0
    isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 osl-3.0 pddl postgresql
    unknown unlicense wtfpl zlib
    """.split()  # noqa: SIM905 - as they are read
)
"""Identifiers of the Hub that may be those of data (https://huggingface.co/docs/hub/repositories-licenses)."""

_STRICTNESS = (None, "non-commercial", "research only", "unknown")
_NO_DERIVATIVES = re.compile(r"\bnd\b|no-?deriv")
_SHARE_ALIKE = re.compile(r"\bsa\b|share-?alike|gpl|odbl|sharing")
_ATTRIBUTION = re.compile(r"\bby\b|attribution")
_LONGEST = 60


class Terms(NamedTuple):
    """A licence as the Hub has it."""

    licence: str
    """As the samples name it."""
    hub: str
    """The Hub's identifier, `other` where it has none."""
    name: str | None
    """In letters that the Hub takes, where it has no identifier."""


def strictest(licences: Collection[str]) -> Terms:
    """Return the licence that allows the least: what is unknown allows nothing. There must be one at least."""
    licence = max(licences, key=_strictness)
    known = re.sub(r"\s+", "-", licence.strip().lower())
    if known in HUB_LICENCES:
        return Terms(licence, known, None)
    name = re.sub(r"[^a-z0-9.]+", "-", known)[:_LONGEST].strip("-.")
    return Terms(licence, "other", name or "unnamed")


def _strictness(licence: str) -> tuple[int, list[bool], int, str]:
    """Return what it is ordered by; of the same kind the shorter comes first, as it is a name and no explanation."""
    named = licence.lower()
    rank = _STRICTNESS.index(restriction(licence))
    kinds = [bool(kind.search(named)) for kind in (_NO_DERIVATIVES, _SHARE_ALIKE, _ATTRIBUTION)]
    return rank, kinds, -len(licence), licence
