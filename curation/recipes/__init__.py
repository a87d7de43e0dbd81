"""The recipes: one file for each way of asking for a trace. Prompts live with their recipe and have a version."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, cast

from curation import registry
from curation.calls.asker import Ask
from curation.calls.request import AnswerForm, Prompt
from curation.errors import UsageError
from curation.images import LoadedImage
from schemas.call import Call
from schemas.sample import Sample, Turn
from schemas.trace import Stage, Stages, Trace


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


class Anew(NamedTuple):
    """Stages that are to be written anew, between others that stay as they are."""

    stages: Mapping[Stage, str]
    """All four as they stand; those to be written anew may be empty, or what no stage can be."""
    which: tuple[Stage, ...]
    """Neighbours, in their order."""
    words: str = ""
    """What a person says is wrong with them."""

    @property
    def kept(self) -> dict[Stage, str]:
        """The stages that stay as they are."""
        return {stage: text for stage, text in self.stages.items() if stage not in self.which}


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


class RewritingRecipe(Recipe, Protocol):
    """What a file in this folder may define besides: single stages written anew."""

    REWRITE_VERSION: str
    """Digest of everything that goes into these prompts; theirs alone, so that no trace has to be asked for again."""

    def rewrite_prompt(self, task: Task, anew: Anew, form: AnswerForm) -> Prompt:
        """Return the first prompt that asks for the stages."""

    async def rewrite(self, task: Task, anew: Anew, ask: Ask) -> Draft:
        """Ask for the stages; the draft holds the kept ones as well. Raises NoAnswer where no attempt gave them."""


def get(name: str) -> Recipe:
    """Return the recipe of that name. Raises UsageError for an unknown one."""
    return cast("Recipe", registry.load(__name__, name))


def rewriting(name: str) -> RewritingRecipe:
    """Return the recipe of that name. Raises UsageError for an unknown one, or one that writes no single stages."""
    recipe = get(name)
    if not hasattr(recipe, "rewrite"):
        raise UsageError(f"the recipe {name!r} writes no single stages anew; edit the text")
    return cast("RewritingRecipe", recipe)
