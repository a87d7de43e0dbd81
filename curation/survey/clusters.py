"""How large the groups of samples are that repeat each other, from what the sweep says of each repeat."""

from collections import Counter
from collections.abc import Iterable

_BOUNDS = (2, 3, 4, 8, 16, 64, 256, 1024)


def sizes(messages: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, int]]:
    """Count clusters by size, for each code, given samples, codes and messages, whose last word is the other sample."""
    linked: dict[str, _Links] = {}
    for sample_id, code, message in messages:
        linked.setdefault(code, _Links()).link(sample_id, message.rsplit(" ", 1)[-1])
    return {code: _binned(links.sizes()) for code, links in sorted(linked.items())}


class _Links:
    """Samples that repeat each other (union-find)."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._parent: list[int] = []

    def link(self, one: str, other: str) -> None:
        """Put two samples into one cluster."""
        first, second = self._root(one), self._root(other)
        self._parent[max(first, second)] = min(first, second)

    def sizes(self) -> Counter[int]:
        """Return how many clusters there are of each size."""
        return Counter(Counter(self._up(place) for place in range(len(self._parent))).values())

    def _root(self, name: str) -> int:
        place = self._places.setdefault(name, len(self._parent))
        if place == len(self._parent):
            self._parent.append(place)
        return self._up(place)

    def _up(self, place: int) -> int:
        while (parent := self._parent[place]) != place:
            self._parent[place] = self._parent[parent]
            place = parent
        return place


def _binned(counted: Counter[int]) -> dict[str, int]:
    binned: Counter[str] = Counter()
    for size, count in sorted(counted.items()):
        place = max(place for place, bound in enumerate(_BOUNDS) if size >= bound) if size >= _BOUNDS[0] else None
        if place is not None:
            binned[_label(place)] += count
    return dict(binned)


def _label(place: int) -> str:
    low = _BOUNDS[place]
    if place + 1 == len(_BOUNDS):
        return f"{low:,} or more"
    high = _BOUNDS[place + 1] - 1
    return f"{low}" if low == high else f"{low}–{high:,}"
