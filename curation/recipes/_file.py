"""A recipe in a file of the user's own, anywhere; what goes wrong in it is told with its line."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from curation.calls.asker import NoAnswer
from curation.calls.caller import NoSchema
from curation.calls.request import Prompt
from curation.errors import CurationError, UsageError

_PACKAGE = Path(__file__).parents[1]
_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "VERSION": (lambda value: isinstance(value, str) and bool(value), "a text: a digest of all that its prompts hold"),
    "CALLS": (lambda value: isinstance(value, int) and value > 0, "a number of calls, 1 or more"),
    "prompt": (callable, "a function of a task and a form"),
    "annotate": (inspect.iscoroutinefunction, "an async function of a task and what asks"),
}


def load(path: Path) -> ModuleType:
    """Run the file as a module. Raises UsageError where there is none, or where it fails."""
    name = f"recipe of {path.resolve()}"
    spec = util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"there is no recipe {path}")
    module = util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's lines, which may raise anything
        del sys.modules[name]
        raise UsageError(f"{path} can't be loaded: {type(error).__name__}: {error}") from error
    return module


class Own:
    """A user's recipe, each part of which is looked at."""

    def __init__(self, recipe: Any, path: Path, draft: type) -> None:
        """Look at the parts; `draft` is what the recipe makes. Raises UsageError for one that can't be."""
        for part, (fits, words) in _KINDS.items():
            if not fits(getattr(recipe, part)):
                raise UsageError(f"{path} is no recipe: its {part} has to be {words}")
        self._recipe, self._path, self._draft = recipe, path, draft
        self.VERSION: str = recipe.VERSION
        self.CALLS: int = recipe.CALLS

    def __getattr__(self, name: str) -> Any:
        """Return what else the recipe defines, such as how it writes single stages anew."""
        return getattr(self._recipe, name)

    def prompt(self, *given: Any) -> Prompt:
        """Return the first prompt."""
        with self._told():
            prompt: Prompt = self._made("prompt", self._recipe.prompt(*given), Prompt)
        return prompt

    def prompts(self, *given: Any) -> Sequence[Prompt]:
        """Return all prompts of a turn when all goes well."""
        if not hasattr(self._recipe, "prompts"):
            return [self.prompt(*given)] * self.CALLS
        with self._told():
            return [self._made("prompts", prompt, Prompt) for prompt in self._recipe.prompts(*given)]

    async def annotate(self, *given: Any) -> Any:
        """Ask for the four stages."""
        with self._told():
            return self._made("annotate", await self._recipe.annotate(*given), self._draft)

    def _made(self, part: str, value: Any, kind: type) -> Any:
        if isinstance(value, kind):
            return value
        raise UsageError(f"{self._path}: {part} gives a {type(value).__name__}, and has to give a {kind.__name__}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise what goes wrong in the user's lines as a UsageError; what goes wrong in ours stays what it is."""
        try:
            yield
        except (CurationError, NoAnswer, NoSchema):
            raise
        except Exception as error:  # a user's lines, too
            if (line := _line(error, self._path)) is None:
                raise
            raise UsageError(f"{self._path}, line {line}: {type(error).__name__}: {error}") from error


def _line(error: Exception, path: Path) -> int | None:
    """Return the line of the file that raised an error, or called what raised it; None where that was one of ours."""
    for frame in reversed(extract_tb(error.__traceback__)):
        if Path(frame.filename).resolve() == path.resolve():
            return frame.lineno
        if Path(frame.filename).is_relative_to(_PACKAGE):
            return None
    return None
