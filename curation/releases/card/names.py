"""Names of sources, and how several names are written."""

from collections.abc import Sequence
from typing import NamedTuple

from curation import registry, sources


class Published(NamedTuple):
    """What is known of a source that is read here."""

    title: str
    homepage: str
    citation: str
    """As it stands on its samples."""
    bibtex: str


def published(source: str) -> Published | None:
    """Return what is known of a source; None for one that was imported."""
    if source not in registry.names("curation.sources"):
        return None
    known = sources.get(source)
    return Published(known.TITLE.partition(" (")[0], known.HOMEPAGE, known.CITATION, known.BIBTEX.strip())


def title(source: str) -> str:
    """Return the name by which people know a source."""
    known = published(source)
    return known.title if known else source


def listed(names: Sequence[str]) -> str:
    """Write names as a part of a sentence."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
