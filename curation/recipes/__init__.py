"""The recipes: one file for each way of asking for a trace. Prompts live with their recipe and have a version."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from curation import registry
from curation.calls.asker import Ask
from curation.calls.request import AnswerForm, Prompt
from curation.images import LoadedImage
from schemas.call import Call
from schemas.sample import Sample, Turn
from schemas.trace import Stages, Trace


class Exchange(NamedTuple):
    """An earlier turn of the same sample, as the model is to see it."""

    question: str
    answer: str


class Flawed(NamedTuple):
    """A trace that is to be asked for again, and what checks found in it."""

    trace: Trace
    findings: tuple[str, ...]
    """A sentence each."""


class Task(NamedTuple):
    """One turn to annotate."""

    sample: Sample
    number: int
    """Of the turn, from 0."""
    images: tuple[LoadedImage, ...]
    earlier: Sequence[Exchange] = ()
    flawed: Flawed | None = None
    """The trace that this one is to repair; None where there is none yet."""

    @property
    def turn(self) -> Turn:
        """The turn itself."""
        return self.sample.turns[self.number]


class Draft(NamedTuple):
    """What a recipe made of a turn; the calls in the order in which they were asked."""

    stages: Stages
    calls: tuple[Call, ...]
    model: str
    simulated: bool


class Recipe(Protocol):
    """What a file in this folder defines."""

    VERSION: str
    """Digest of everything that goes into its prompts: a change of a word is a new version."""

    CALLS: int
    """How many calls a turn takes when all goes well."""

    def prompt(self, task: Task, form: AnswerForm) -> Prompt:
        """Return the first prompt of a turn."""

    async def annotate(self, task: Task, ask: Ask) -> Draft:
        """Ask for the turn's four stages. Raises NoAnswer where no attempt gave them."""


def get(name: str) -> Recipe:
    """Return the recipe of that name. Raises UsageError for an unknown one."""
    return cast("Recipe", registry.load(__name__, name))
