"""What a run would ask and cost, from the same rows, images and prompts, with nothing sent."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from curation.calls.prices import Price
from curation.calls.request import AnswerForm, Model, Prompt, build
from curation.calls.vision import Pictures
from curation.config import Report, Table
from curation.ingest import Ready
from curation.recipes import Exchange, Recipe, Task, all_prompts
from schemas.call import NANO, Usage


class _Bill(Report):
    """What calls would cost."""

    prompt_tokens: int
    completion_tokens: int
    """A guess: what such answers had on average in this workspace, 400 a call before there are any."""
    cost: float
    """US dollars."""
    most: float
    """US dollars, if every answer were as long as --max-tokens allows."""

    def _table(self, *counts: tuple[str, int]) -> Table:
        """Return the estimate as one table, behind what was counted."""
        rows = [
            *counts,
            ("prompt tokens", self.prompt_tokens),
            ("completion tokens (guess)", self.completion_tokens),
            ("cost", f"${self.cost:.2f}"),
            ("cost at most", f"${self.most:.2f}"),
        ]
        return Table("estimate; nothing was sent", ("what", "count"), rows)


class Estimate(_Bill):
    """What `annotate --estimate` found; nothing was sent."""

    rows: int
    unusable_rows: int
    turns: int
    """Turns that have no trace yet."""

    def tables(self) -> list[Table]:
        """Return the estimate as one table."""
        counts = ("rows", self.rows), ("unusable rows", self.unusable_rows), ("calls to make", self.turns)
        return [self._table(*counts)]


class LabelEstimate(_Bill):
    """What `annotate --label --estimate` found; nothing was sent."""

    labels: int
    """Labels that traces lack."""
    calls: int
    """Those whose answers are in the store cost nothing, and are counted all the same."""

    def tables(self) -> list[Table]:
        """Return the estimate as one table."""
        return [self._table(("labels to find", self.labels), ("calls to make", self.calls))]


class Asked(NamedTuple):
    """Calls to make, and their prompt tokens: images as the model counts them, text at four characters a token."""

    calls: int
    prompt_tokens: int

    def dollars(self, price: Price, completion_tokens: int) -> float:
        """Return what they cost if each answer has so many tokens."""
        usage = Usage(prompt_tokens=self.prompt_tokens, completion_tokens=self.calls * completion_tokens)
        return price.cost(usage) / NANO


def count(prompts: Iterable[Prompt], model: Model) -> Asked:
    """Count what prompts would ask."""
    pictures, calls, tokens = Pictures(model.name), 0, 0
    for prompt in prompts:
        calls += 1
        tokens += build(prompt, model, pictures).size
    return Asked(calls, tokens)


def ask_all(samples: Iterable[tuple[Ready, frozenset[int]]], recipe: Recipe, model: Model, form: AnswerForm) -> Asked:
    """Count what the recipe would ask for the turns of each sample that are not in its set of done ones.

    What turns share is counted once, and not at all where a done turn that comes earlier has asked for it.
    """
    pictures = Pictures(model.name)
    shared: set[int] = set()
    calls = tokens = 0
    for ready, done in samples:
        for task in _tasks(ready):
            over = task.number in done
            for prompt in all_prompts(recipe, task, form):
                if over and not prompt.shared:
                    continue
                request = build(prompt, model, pictures)
                if not over and hash(request.canonical) not in shared:
                    calls += 1
                    tokens += request.size
                if prompt.shared:
                    shared.add(hash(request.canonical))
    return Asked(calls, tokens)


def _tasks(ready: Ready) -> Iterator[Task]:
    """Return the turns with the earlier ones, as far as their answers are known before anyone is asked."""
    earlier: list[Exchange] = []
    for index, turn in enumerate(ready.sample.turns):
        yield Task(ready.sample, index, ready.images, tuple(earlier), ready.flawed.get(index))
        if turn.target is not None:
            earlier.append(Exchange(turn.question, turn.target))
