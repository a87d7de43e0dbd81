"""The contract of every recipe, and what is in the prompts."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import reload
from typing import Any

import pytest

from curation import recipes, registry
from curation.calls.asker import NoAnswer, Parsed
from curation.calls.request import AnswerForm, Prompt
from curation.recipes import Exchange, Task, _stages, paper
from schemas.call import Call, Outcome
from schemas.sample import Sample, Turn
from schemas.trace import STAGES, Stages, to_tagged

RECIPES = registry.names("curation.recipes")
SAID = Stages(summary="s", caption="c", reasoning="r", conclusion="42")
TURN = Turn(question="How many?", targets=("42", "forty-two"), choices=("41", "42"), context="A hint.", scorer=None)
TASK = Task(Sample(id="a/b/c", turns=(TURN,)), 0, (), (Exchange("What is it?", "A chart."),))


class Asking:
    """Answers every prompt with the same stages, and keeps what was asked."""

    def __init__(self, form: AnswerForm, text: str) -> None:
        self.form = form
        self.text = text
        self.prompts: list[Prompt] = []

    async def __call__(self, prompt: Prompt, parse: Callable[[str], Any]) -> Parsed[Any]:
        self.prompts.append(prompt)
        names = dict.fromkeys(("sample_id", "endpoint", "model", "recipe", "prompt_version", "request"), "x")
        key = f"call {len(self.prompts)}"
        call = Call(key=key, turn=0, attempt=0, outcome=Outcome.ANSWERED, created_at=datetime.now(UTC), **names)
        try:
            return Parsed(parse(self.text), call, "gpt-4o-2024-08-06", simulated=False)
        except ValueError as error:
            raise NoAnswer(call.model_copy(update={"reason": str(error)})) from error


def draft(name: str, form: AnswerForm, text: str) -> tuple[recipes.Draft, list[Prompt]]:
    ask = Asking(form, text)
    return asyncio.run(recipes.get(name).annotate(TASK, ask)), ask.prompts


@pytest.mark.parametrize("name", RECIPES)
class TestEvery:
    def test_version_is_a_digest(self, name):
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", recipes.get(name).VERSION)

    @pytest.mark.parametrize(("form", "text"), [("tags", to_tagged(SAID)), ("schema", SAID.model_dump_json())])
    def test_makes_a_draft_in_either_form(self, name, form, text):
        made, prompts = draft(name, form, text)
        assert made.stages == SAID
        assert len(made.calls) == len(prompts) == recipes.get(name).CALLS
        assert (made.model, made.simulated) == ("gpt-4o-2024-08-06", False)

    @pytest.mark.parametrize("form", ["tags", "schema"])
    def test_prompt_holds_all_that_belongs_to_the_question(self, name, form):
        prompt = recipes.get(name).prompt(TASK, form)
        assert all(
            part in prompt.user for part in ("How many?", "(A) 41", "(B) 42", "A hint.", "What is it?", "A chart.")
        )
        assert (prompt.schema is None) == (form == "tags")
        assert all(f"<{stage.tag}>" in prompt.system for stage in STAGES) == (form == "tags")

    def test_an_answer_that_is_none_gives_no_draft(self, name):
        with pytest.raises(NoAnswer, match="missing conclusion"):
            draft(name, "tags", to_tagged(SAID).replace("CONCLUSION", "END"))

    def test_the_first_prompt_is_the_one_that_is_asked(self, name):
        _, prompts = draft(name, "tags", to_tagged(SAID))
        assert prompts[0] == recipes.get(name).prompt(TASK, "tags")


def test_the_paper_shows_the_standard_answer():
    assert recipes.get("paper").prompt(TASK, "tags").user.endswith("Standard answer: 42")


def test_a_turn_without_an_answer_says_so():
    task = TASK._replace(sample=Sample(id="a/b/c", turns=(Turn(question="Describe it."),)))
    assert recipes.get("paper").prompt(task, "tags").user.endswith("Standard answer: none is known")


def test_a_changed_word_is_a_new_version(monkeypatch):

    before = paper.VERSION
    monkeypatch.setattr(_stages, "_AS_TAGS", "Put it between tags.")
    try:
        assert before != reload(paper).VERSION
    finally:
        monkeypatch.undo()
        assert before == reload(paper).VERSION
