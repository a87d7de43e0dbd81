"""What tokens cost. A model that is not in the table has no price; it is never taken to be free."""

from math import ceil
from typing import NamedTuple

from curation.errors import UsageError
from schemas.call import Usage


class Price(NamedTuple):
    """US dollars for a million tokens."""

    prompt: float
    completion: float
    cached: float | None = None
    """For prompt tokens from the provider's cache; the prompt's price where it is not known."""

    def cost(self, usage: Usage) -> int:
        """Return the cost of a call in nano-dollars, rounded up."""
        cached_price = self.prompt if self.cached is None else self.cached
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        micro = (
            (usage.prompt_tokens - cached) * self.prompt
            + cached * cached_price
            + usage.completion_tokens * self.completion
        )
        return ceil(round(micro * 1000, 3))  # 0.15 * 1000 is a little more than 150 in binary


FREE = Price(0, 0, 0)

# https://platform.openai.com/docs/pricing; the longest prefix decides, so dated snapshots find their family.
_BY_PREFIX = {
    "gpt-4o": Price(2.50, 10.00, 1.25),
    "gpt-4o-2024-05-13": Price(5.00, 15.00),
    "gpt-4o-mini": Price(0.15, 0.60, 0.075),
    "gpt-4.1": Price(2.00, 8.00, 0.50),
    "gpt-4.1-mini": Price(0.40, 1.60, 0.10),
    "gpt-4.1-nano": Price(0.10, 0.40, 0.025),
    "gpt-5": Price(1.25, 10.00, 0.125),
    "gpt-5-mini": Price(0.25, 2.00, 0.025),
    "gpt-5-nano": Price(0.05, 0.40, 0.005),
    "o3": Price(2.00, 8.00, 0.50),
    "o4-mini": Price(1.10, 4.40, 0.275),
}


def price(model: str) -> Price:
    """Return the model's price. Raises UsageError, which names `--price`, for a model that is not known."""
    prefixes = [p for p in _BY_PREFIX if model == p or model.startswith(f"{p}-20")]
    if not prefixes:
        raise UsageError(
            f"no price is known for the model {model!r}; give --price IN,OUT in US dollars for a million tokens "
            "(--price 0,0 for a model of your own)"
        )
    return _BY_PREFIX[max(prefixes, key=len)]
