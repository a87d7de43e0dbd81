"""What the scripts of other owners and of two toolkits give a pair; see bench_scorers for where they are from."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol

import numpy as np
import scorers_official as official

from schemas.sample import Turn


class Pair(Protocol):
    """An answer and what it is scored against."""

    @property
    def prediction(self) -> str:
        """The bare answer."""

    @property
    def turn(self) -> Turn:
        """The question."""


Theirs = Callable[[Sequence[Pair]], list[float | None]]
_LETTERS = "ABCDE"


def _of_each(value: Callable[[str, Turn], float]) -> Theirs:
    return lambda drawn: [value(pair.prediction, pair.turn) for pair in drawn]


def lmms_eval(script: Path) -> Theirs:
    """Return lmms-eval's relaxed accuracy."""
    meets = official.functions(script, {"relaxed_correctness"})["relaxed_correctness"]
    return _of_each(lambda said, turn: float(any(meets(said, target) for target in turn.targets)))


def vlmevalkit_relaxed(script: Path) -> Theirs:
    """Return VLMEvalKit's relaxed accuracy."""
    meets = official.functions(script, {"relaxed_correctness"}, Optional=official.ANY)["relaxed_correctness"]
    return _of_each(lambda said, turn: float(any(meets(target, said) for target in turn.targets)))


def vlmevalkit_anls(script: Path) -> Theirs:
    """Return VLMEvalKit's ANLS, as it is counted for DocVQA."""
    names = {"levenshtein_distance", "anls_compute", "hit_calculate"}
    theirs = official.functions(
        script, names, np=np, listinstr=lambda names_, text: any(name in text for name in names_)
    )

    def value(said: str, turn: Turn) -> float:
        match = [theirs["anls_compute"](target, said) for target in turn.targets]
        return float(theirs["hit_calculate"]([{"match": match}], "DocVQA")[0])

    return _of_each(value)


def scienceqa(script: Path) -> Theirs:
    """Return ScienceQA's reading of `The answer is B.`; where it draws an option at random, none is drawn here."""
    output: list[str] = []
    answer = SimpleNamespace(create=lambda **_: {"choices": [{"text": output[-1]}]})
    chance = SimpleNamespace(choice=lambda _: -1)
    known = {"openai": SimpleNamespace(Completion=answer), "random": chance}
    theirs = official.functions(script, {"get_gpt3_result", "get_pred_idx"}, **known)
    settings = ["engine", "temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty"]

    def value(said: str, turn: Turn) -> float:
        output[:] = [f"The answer is {said}."]
        letter, _ = theirs["get_gpt3_result"]("", SimpleNamespace(**dict.fromkeys(settings)))
        return float(theirs["get_pred_idx"](letter, turn.choices, _LETTERS) == _LETTERS.index(turn.targets[0]))

    return _of_each(value)


def of_letters(pair: Pair, value: float | None) -> str:
    """Say why ScienceQA's script differs: it reads letters, and compares these."""
    if pair.prediction not in _LETTERS:
        return "an option by its text, of which the script reads a letter or draws one"
    return "options with the same text, which are one here" if len(set(pair.turn.choices)) < len(_LETTERS) - 1 else ""


def mathvista(script: Path) -> Theirs:
    """Return MathVista's comparison of an extracted option."""
    names = {"get_most_similar", "normalize_extracted_answer", "safe_equal"}
    theirs = official.functions(script, names, distance=official.distance)

    def value(said: str, turn: Turn) -> float:
        found = theirs["normalize_extracted_answer"](said, list(turn.choices), "multi_choice", "text", None)
        return float(theirs["safe_equal"](found, turn.choices[_LETTERS.index(turn.targets[0])]))

    return _of_each(value)
