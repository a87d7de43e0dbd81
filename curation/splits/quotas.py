"""How many of the groups of a source go to each split, so that every source has the shares that are asked for."""

from collections import Counter
from collections.abc import Mapping
from heapq import heapify, heapreplace

Profile = tuple[tuple[str, int], ...]
"""How many samples of each source a group has. Groups of one profile are alike."""


class Quotas:
    """Counts the samples of each source in each split."""

    def __init__(self, shares: Mapping[int, float], totals: Mapping[str, int]) -> None:
        """`shares` are those of the splits, by number, and positive; `totals` are the samples of each source."""
        self._shares = shares
        self._wanted = {(source, split): totals[source] * shares[split] for source in totals for split in shares}
        self._held: Counter[tuple[str, int]] = Counter()

    def hold(self, source: str, split: int, samples: int) -> None:
        """Count samples that are in a split already."""
        self._held[source, split] += samples

    def place(self, groups: Mapping[Profile, int]) -> dict[Profile, dict[int, int]]:
        """Return how many of the groups of each profile go to each split.

        Large groups come first, and the small ones fill what is left. Each goes where the sum of (held - wanted)^2 /
        wanted, over its sources, grows least; of splits that are equal, to train, else to the one held out furthest.
        """
        order = sorted(groups, key=lambda profile: (-sum(samples for _, samples in profile), profile))
        return {profile: self._place(profile, groups[profile]) for profile in order}

    def _place(self, profile: Profile, count: int) -> dict[int, int]:
        order = sorted(self._shares, key=lambda split: (split > 0, -split))
        waiting = [(self._growth(profile, split), place) for place, split in enumerate(order)]
        heapify(waiting)
        placed: Counter[int] = Counter()
        for _ in range(count):
            place = waiting[0][1]
            split = order[place]
            placed[split] += 1
            for source, samples in profile:
                self._held[source, split] += samples
            heapreplace(waiting, (self._growth(profile, split), place))
        return dict(sorted(placed.items()))

    def _growth(self, profile: Profile, split: int) -> float:
        """Return by how much the sum grows when one such group goes to the split."""
        return sum(
            samples * (2 * (self._held[source, split] - self._wanted[source, split]) + samples)
            / self._wanted[source, split]
            for source, samples in profile
        )  # fmt: skip
