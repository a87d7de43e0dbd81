"""A share and how sure one can be of it."""

from math import sqrt
from typing import NamedTuple

_Z = 1.959964
"""The normal distribution's 97.5 % point."""


class Share(NamedTuple):
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(hits: int, count: int) -> Share | None:
    """Return the share of `hits` in `count` with Wilson's score interval, which holds for few and for none as well.

    None where there is nothing to count.
    Source: Wilson, Probable inference, the law of succession, and statistical inference (1927),
    https://doi.org/10.1080/01621459.1927.10502953.
    """
    if count == 0:
        return None
    share, weight = hits / count, _Z**2 / count
    middle = (share + weight / 2) / (1 + weight)
    spread = _Z / (1 + weight) * sqrt(share * (1 - share) / count + weight / count / 4)
    return Share(share, max(0.0, middle - spread), min(1.0, middle + spread))
