"""The recipes: one file for each way of asking for a trace, here or in a folder of the user.

Prompts are texts in `prompts/`, one folder for each recipe, and a user's own can take their place. What an answer has
to look like is said by the code that reads it.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol, cast

from curation import registry
from curation.calls.asker import Ask
from curation.calls.request import AnswerForm, Prompt
from curation.errors import UsageError
from curation.images import LoadedImage
from curation.recipes import _file
from schemas.call import Call
from schemas.sample import Sample, Turn
from schemas.trace import Sampling, Stage, Stages, Trace


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
    sampling: Sampling | None = None


class Settings(NamedTuple):
    """What a user sets; None for what a recipe does by itself."""

    prompts: Path | None = None
    """A folder whose texts take the place of the recipe's own of the same names."""
    samples: int | None = None
    """How often a turn is asked without its answer being shown."""
    rationalise: bool | None = None
    """Whether the answer is shown where no sample found it; otherwise the turn fails."""


class Recipe(Protocol):
    """What a file in this folder defines, or what its function `configured` returns.

    `configured` takes by name those of the settings that are the recipe's. One function more is optional:
    `prompts(task, form) -> Sequence[Prompt]` returns all prompts of a turn when all goes well, for an estimate, with
    something of the usual length for what is not known before there are answers.
    """

    VERSION: str
    """Digest of everything that goes into its prompts: a change of a word is a new version."""

    CALLS: int
    """How many calls a turn takes when all goes well, and no answer is shared with another turn."""

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


_PARTS = ("VERSION", "CALLS", "prompt", "annotate")


def get(name: str, settings: Settings = Settings()) -> Recipe:  # noqa: B008 - frozen
    """Return the recipe of that name, or the one in a file, which is named by its path and ends in .py.

    Raises UsageError for an unknown name, a file that holds no recipe, and a setting that the recipe has not.
    """
    module = _own(Path(name)) if _is_file(name) else registry.load(__name__, name)
    given = {what: value for what, value in settings._asdict().items() if value is not None}
    configured = getattr(module, "configured", None)
    known = inspect.signature(configured).parameters if configured else ()
    if strange := [what for what in given if what not in known]:
        raise UsageError(f"the recipe {name_of(name)!r} has no --{strange[0]}: give it without")
    recipe = configured(**given) if configured else module
    if missing := [part for part in _PARTS if not hasattr(recipe, part)]:
        raise UsageError(f"{name} is no recipe: it defines no {', '.join(missing)}")
    return cast("Recipe", _file.Own(recipe, Path(name), Draft) if _is_file(name) else recipe)


def name_of(name: str) -> str:
    """Return the name that records have: a file's without its folder and .py, ours with dashes."""
    return Path(name).stem if _is_file(name) else name.replace("_", "-")


def _is_file(name: str) -> bool:
    return name.endswith(".py")


def _own(path: Path) -> ModuleType:
    """Load a user's file, whose name is no recipe's of ours, as that is what its traces are told from ours by."""
    if path.stem.replace("_", "-") in registry.names(__name__):
        raise UsageError(f"{path.stem!r} is a recipe that comes with this program: give {path} another name")
    return _file.load(path)


def all_prompts(recipe: Recipe, task: Task, form: AnswerForm) -> Sequence[Prompt]:
    """Return the prompts that a turn takes when all goes well; see `Recipe`."""
    prompts: Callable[[Task, AnswerForm], Sequence[Prompt]] | None = getattr(recipe, "prompts", None)
    return prompts(task, form) if prompts else [recipe.prompt(task, form)] * recipe.CALLS


def rewriting(name: str) -> RewritingRecipe:
    """Return the recipe of that name. Raises UsageError for an unknown one, or one that writes no single stages."""
    recipe = get(name)
    if not hasattr(recipe, "rewrite"):
        raise UsageError(f"the recipe {name!r} writes no single stages anew; edit the text")
    return cast("RewritingRecipe", recipe)
