"""The contract of every recipe, what is in the prompts, and how answers are chosen; the answers are written here."""

import asyncio
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from curation import recipes, registry
from curation.calls.asker import Mend, NoAnswer, Parsed
from curation.calls.request import AnswerForm, Model, Prompt, build
from curation.calls.vision import Pictures
from curation.errors import UsageError
from curation.recipes import Anew, Exchange, Flawed, Settings, Task, _stages
from curation.recipes._anew import read_anew, tagged
from schemas.call import Call, Outcome
from schemas.sample import Sample, Turn
from schemas.trace import STAGES, Provenance, Sampling, Stage, Stages, Trace, to_tagged
from tests.records import BEGIN, picture
from tests.strategies import stages

RECIPES = registry.names("curation.recipes")
OURS = Path(recipes.__file__).parent / "prompts"
OWN = {"paper": ["system"], "blind": ["rationalise", "sample"], "caption-first": ["caption", "solve"]}
"""The texts of each recipe that a user's may replace."""
SAID = Stages(summary="s", caption="c", reasoning="r", conclusion="42")
IMAGE = picture()
TURN = Turn(
    question="How many?", targets=("42", "forty-two"), choices=("41", "42"), context="A hint.", scorer="exact-match"
)
TASK = Task(Sample(id="a/b/c", images=(IMAGE.ref,), turns=(TURN,)), 0, (IMAGE,), (Exchange("What is it?", "A chart."),))
FLAWED = TASK._replace(
    flawed=Flawed(
        Trace(sample_id="a/b/c", turn=0, stages=SAID, provenance=Provenance(kind="model", created_at=BEGIN)),
        ("exact-match gives 0; the target is '42'",),
    )
)
REFUSED = Outcome.REFUSED.value


class Asking:
    """Answers prompts with the texts in turn, the last one again and again, and keeps what was asked.

    A text that is the name of an outcome is no answer but that outcome.
    """

    def __init__(self, form: AnswerForm, *texts: str) -> None:
        self.form = form
        self.texts = texts
        self.prompts: list[Prompt] = []

    async def __call__(self, prompt: Prompt, parse: Callable[[str], Any], mend: Mend | None = None) -> Parsed[Any]:
        self.prompts.append(prompt)
        text = self.texts[min(len(self.prompts), len(self.texts)) - 1]
        names = dict.fromkeys(("sample_id", "endpoint", "model", "recipe", "prompt_version", "request"), "x")
        key, outcome = f"call {len(self.prompts)}", Outcome(text) if text in set(Outcome) else Outcome.ANSWERED
        call = Call(key=key, turn=0, attempt=0, outcome=outcome, reason=text, created_at=datetime.now(UTC), **names)
        if outcome is not Outcome.ANSWERED:
            raise NoAnswer(call)
        try:
            return Parsed(parse(text), call, "gpt-4o-2024-08-06", simulated=False)
        except ValueError as error:
            raise NoAnswer(call.model_copy(update={"reason": str(error)})) from error


def draft(recipe: recipes.Recipe, ask: Asking, task: Task = TASK) -> recipes.Draft:
    return asyncio.run(recipe.annotate(task, ask))


def concluding(conclusion: str, reasoning: str = "r") -> str:
    return to_tagged(SAID.model_copy(update={"conclusion": conclusion, "reasoning": reasoning}))


@pytest.mark.parametrize("name", RECIPES)
class TestEvery:
    def test_version_is_a_digest(self, name):
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", recipes.get(name).VERSION)

    @pytest.mark.parametrize(("form", "text"), [("tags", to_tagged(SAID)), ("schema", SAID.model_dump_json())])
    def test_makes_a_draft_in_either_form(self, name, form, text):
        recipe, ask = recipes.get(name), Asking(form, text)
        made = draft(recipe, ask)
        assert made.stages == SAID
        assert len(made.calls) == len(ask.prompts) == recipe.CALLS
        assert (made.model, made.simulated) == ("gpt-4o-2024-08-06", False)

    def test_an_estimate_counts_the_prompts_that_are_asked(self, name):
        recipe, ask = recipes.get(name), Asking("tags", to_tagged(SAID))
        for task in (TASK, FLAWED, TASK._replace(images=())):
            draft(recipe, ask, task)
            told = recipes.all_prompts(recipe, task, "tags")
            assert [prompt.system for prompt in ask.prompts] == [prompt.system for prompt in told]
            assert [prompt.shared for prompt in ask.prompts] == [prompt.shared for prompt in told]
            ask.prompts.clear()

    @pytest.mark.parametrize("form", ["tags", "schema"])
    def test_the_last_prompt_holds_all_that_belongs_to_the_question(self, name, form):
        prompt = recipes.all_prompts(recipes.get(name), TASK, form)[-1]
        assert all(
            part in prompt.user for part in ("How many?", "(A) 41", "(B) 42", "A hint.", "What is it?", "A chart.")
        )
        assert (prompt.schema is None) == (form == "tags")
        assert ("<REASONING>" in prompt.system) == (form == "tags")

    def test_an_answer_that_is_none_gives_no_draft(self, name):
        with pytest.raises(NoAnswer):
            draft(recipes.get(name), Asking("tags", concluding("42").replace("CONCLUSION", "END")))

    def test_the_first_prompt_is_the_one_that_is_asked(self, name):
        ask = Asking("tags", to_tagged(SAID))
        draft(recipes.get(name), ask)
        assert ask.prompts[0] == recipes.get(name).prompt(TASK, "tags")

    def test_a_repair_tells_what_was_found(self, name):
        ask = Asking("tags", to_tagged(SAID))
        draft(recipes.get(name), ask, FLAWED)
        assert "A check found: exact-match gives 0" in ask.prompts[-1].user

    def test_a_copy_of_its_texts_is_the_same_version_and_a_changed_word_another(self, name, tmp_path):
        before = recipes.get(name)
        for text in OWN[name]:
            source = OURS / ("paper/system.txt" if text == "rationalise" else f"{name}/{text}.txt")
            shutil.copy(source, tmp_path / f"{text}.txt")
            assert recipes.get(name, Settings(prompts=tmp_path)).VERSION == before.VERSION
        (tmp_path / f"{OWN[name][0]}.txt").write_text("Say what you {see}.\r\n")
        after = recipes.get(name, Settings(prompts=tmp_path))
        assert after.VERSION != before.VERSION
        task = FLAWED if name == "blind" else TASK
        assert after.prompt(task, "tags").system.startswith("Say what you {see}.\n\n")

    def test_a_text_of_another_name_is_refused_with_the_known_ones(self, name, tmp_path):
        (tmp_path / "sytsem.txt").write_text("x")
        with pytest.raises(UsageError, match=rf"sytsem.txt is no prompt.* it has .*{OWN[name][0]}.txt"):
            recipes.get(name, Settings(prompts=tmp_path))

    def test_writes_single_stages(self, name):
        recipe, anew = recipes.rewriting(name), Anew({s: SAID[s] for s in STAGES}, (Stage.CONCLUSION,))
        made = asyncio.run(recipe.rewrite(TASK, anew, Asking("tags", "<CONCLUSION>43</CONCLUSION>")))
        assert made.stages == SAID.model_copy(update={"conclusion": "43"})


@pytest.mark.parametrize(("content", "why"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff", "can't be read")])
def test_a_text_that_is_none_is_refused(tmp_path, content, why):
    (tmp_path / "system.txt").write_bytes(content)
    with pytest.raises(UsageError, match=why):
        recipes.get("paper", Settings(prompts=tmp_path))


def test_a_folder_of_texts_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        recipes.get("paper", Settings(prompts=tmp_path / "nowhere"))


def test_the_papers_prompts_are_those_of_the_traces_that_exist():
    """Another digest would ask for all of them again."""
    recipe = recipes.rewriting("paper")
    assert recipe.VERSION == "sha256:f9d5c17af23c012452c3a84b777ade5ac2b26eda2f6ce480e47b10d24d23af0d"
    assert recipe.REWRITE_VERSION == "sha256:bf3a082aac058ae1c222b7b97e95f2cd72af8fc88704fa350bb63d8726deddb3"


def test_the_paper_shows_the_standard_answer():
    assert recipes.get("paper").prompt(TASK, "tags").user.endswith("Standard answer: 42")


def test_a_turn_without_an_answer_says_so():
    task = TASK._replace(sample=Sample(id="a/b/c", turns=(Turn(question="Describe it."),)))
    assert recipes.get("paper").prompt(task, "tags").user.endswith("Standard answer: none is known")


@pytest.mark.parametrize("name", ["paper", "blind"])
def test_another_form_of_the_answer_is_another_version(monkeypatch, name):
    before = recipes.get(name).VERSION
    monkeypatch.setattr(_stages, "_AS_TAGS", "Put it between tags.")
    assert before != recipes.get(name).VERSION


# Samples without the answer


def sampled(*texts: str, task: Task = TASK, **settings: Any) -> tuple[recipes.Draft, list[Prompt]]:
    ask = Asking("tags", *texts)
    return draft(recipes.get("blind", Settings(**settings)), ask, task), ask.prompts


def test_no_sample_is_shown_the_answer():
    _, prompts = sampled(concluding("42"))
    assert not any("Standard answer" in prompt.user or "forty-two" in prompt.user for prompt in prompts)


def test_each_sample_is_a_request_of_its_own():
    _, prompts = sampled(concluding("42"), samples=3)
    requests = [build(prompt, Model("gpt-4o"), Pictures("gpt-4o")).canonical for prompt in prompts]
    assert len(set(requests)) == 3
    assert all(b'"temperature":1' in request for request in requests)


def test_the_shortest_of_the_right_samples_is_the_trace():
    made, _ = sampled(concluding("41", "r"), concluding("42", "long " * 9), concluding("B", "short"), concluding("42"))
    assert made.stages.reasoning == "r"
    assert made.stages.conclusion == "42"
    assert made.sampling == Sampling(samples=4, right=2, rationalised=False)
    assert made.sampling.agreement == 0.5


def test_the_scorer_reads_a_conclusion_with_words_around_it():
    made, _ = sampled(concluding("The answer is 42."))
    assert made.sampling == Sampling(samples=4, right=4, rationalised=False)


def test_where_no_sample_is_right_the_answer_is_shown_and_the_trace_says_so():
    wrong = [concluding(str(number)) for number in range(4)]
    made, prompts = sampled(*wrong, concluding("42", "shown"))
    assert prompts[-1] == recipes.get("paper").prompt(TASK, "tags")
    assert made.stages.reasoning == "shown"
    assert made.sampling == Sampling(samples=4, right=0, rationalised=True)
    assert len(made.calls) == 5


def test_a_turn_that_no_sample_solves_fails_where_the_answer_is_not_to_be_shown():
    with pytest.raises(NoAnswer, match="unsolved: none of 4 samples is right"):
        sampled(concluding("41"), rationalise=False)


def test_a_sample_that_is_no_answer_says_nothing_about_the_question():
    made, _ = sampled(REFUSED, "no tags", concluding("41"), concluding("42"))
    assert made.sampling == Sampling(samples=2, right=1, rationalised=False)
    assert len(made.calls) == 4


def test_a_turn_whose_samples_are_all_refused_can_still_be_rationalised():
    made, _ = sampled(REFUSED, REFUSED, concluding("42"), samples=2)
    assert made.sampling == Sampling(samples=0, right=0, rationalised=True)
    assert made.sampling.agreement is None
    with pytest.raises(NoAnswer, match="unsolved: refused"):
        sampled(REFUSED, rationalise=False)


@pytest.mark.parametrize("outcome", [Outcome.GAVE_UP, Outcome.REJECTED])
def test_an_endpoint_that_fails_is_no_reason_to_show_the_answer(outcome):
    with pytest.raises(NoAnswer, match=outcome.value):
        sampled(concluding("41"), outcome.value, concluding("42"))


def test_what_can_not_be_marked_is_asked_once():
    task = TASK._replace(sample=Sample(id="a/b/c", turns=(Turn(question="Describe it."),)))
    made, prompts = sampled(concluding("A dog."), task=task)
    assert (len(prompts), made.sampling) == (1, None)


def test_a_flawed_trace_is_repaired_with_the_answer_in_view():
    made, prompts = sampled(concluding("42"), task=FLAWED)
    assert prompts == [recipes.get("paper").prompt(FLAWED, "tags")]
    assert made.sampling == Sampling(samples=0, right=0, rationalised=True)


# The caption first

CAPTION = "<CAPTION>Two bars,\n3 and 5.</CAPTION>"
REST = "<SUMMARY>s</SUMMARY><REASONING>3 + 5</REASONING><CONCLUSION>8</CONCLUSION>"


def solved(*texts: str, task: Task = TASK) -> tuple[recipes.Draft, list[Prompt]]:
    ask = Asking("tags", *texts)
    return draft(recipes.get("caption-first"), ask, task), ask.prompts


def test_the_caption_knows_nothing_of_the_question():
    _, (caption, _) = solved(CAPTION, REST)
    other = TASK._replace(sample=Sample(id="a/b/d", images=(IMAGE.ref,), turns=(Turn(question="Why?"),)), earlier=())
    assert caption == recipes.get("caption-first").prompt(other, "tags")
    assert caption.shared
    assert "How many?" not in caption.user


def test_the_caption_stands_in_the_trace_as_it_is_and_the_solution_builds_on_it():
    made, (_, solution) = solved(CAPTION, REST)
    assert made.stages == Stages(summary="s", caption="Two bars,\n3 and 5.", reasoning="3 + 5", conclusion="8")
    assert solution.user.startswith("Caption: Two bars,\n3 and 5.\n")
    assert "Standard answer: 42" in solution.user
    assert not solution.shared


def test_a_caption_that_the_solution_writes_too_does_not_count():
    made, _ = solved(CAPTION, to_tagged(SAID))
    assert made.stages == SAID.model_copy(update={"caption": "Two bars,\n3 and 5."})


def test_the_repair_of_a_trace_may_put_the_caption_right():
    made, (_, solution) = solved(CAPTION, to_tagged(SAID), task=FLAWED)
    assert made.stages == SAID
    assert "Caption: Two bars" in solution.user
    assert "Write: SUMMARY, CAPTION, REASONING, CONCLUSION" in solution.user


def test_without_images_there_is_nothing_to_describe_first():
    made, prompts = solved(to_tagged(SAID), task=TASK._replace(images=()))
    assert (made.stages, len(prompts)) == (SAID, 1)


@given(stages())
def test_an_answer_without_its_middle_is_read(said):
    for which in ((STAGES[0], *STAGES[2:]), (STAGES[0], STAGES[3]), STAGES[1::2]):
        anew = Anew({stage: said[stage] for stage in STAGES}, which)
        assert read_anew(tagged({stage: said[stage] for stage in which}), anew) == said


# A recipe in a folder of the user's own

OWN_RECIPE = """
from dataclasses import dataclass

from curation.calls.request import Prompt
from curation.recipes import Draft
from curation.recipes._stages import read_stages

VERSION = "1"
CALLS = 1


@dataclass
class Words:
    system: "str"


def prompt(task, form):
    return Prompt(Words("Answer in four parts.").system, f"Question: {task.turn.question}", task.images)


async def annotate(task, ask):
    parsed = await ask(prompt(task, ask.form), read_stages)
    return Draft(parsed.value, (parsed.call,), parsed.model, parsed.simulated)
"""


def test_a_file_of_ones_own_is_a_recipe(tmp_path):
    (tmp_path / "my_recipe.py").write_text(OWN_RECIPE)
    name = str(tmp_path / "my_recipe.py")
    assert draft(recipes.get(name), Asking("tags", to_tagged(SAID))).stages == SAID
    assert recipes.name_of(name) == "my_recipe"
    assert len(recipes.all_prompts(recipes.get(name), TASK, "tags")) == 1


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("mine.py", None, "there is no recipe .*mine.py"),
        ("mine.py", "VERSION = '1'\ndef prompt(): ...", "mine.py is no recipe: it defines no CALLS, annotate"),
        ("mine.py", "import nothing_of_that_name", "can't be loaded: ModuleNotFoundError: .*nothing_of_that_name"),
        ("mine.py", "def (", "can't be loaded: SyntaxError"),
        ("mine.py", "import sys\nsys.exit('bye')", "can't be loaded: SystemExit: bye"),
        ("mine.py", OWN_RECIPE + "VERSION = 7", "its VERSION has to be a text"),
        ("mine.py", OWN_RECIPE + "CALLS = 0", "its CALLS has to be a number of calls"),
        ("mine.py", OWN_RECIPE + "def annotate(task, ask): ...", "its annotate has to be an async function"),
        ("caption_first.py", OWN_RECIPE, "'caption_first' is a recipe that comes with this program"),
    ],
)
def test_a_file_that_is_no_recipe_says_why(tmp_path, name, text, why):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=why):
        recipes.get(str(tmp_path / name))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("def prompt(task, form): return task.nothing", "mine.py, line LAST: AttributeError: .*nothing"),
        ("def prompt(task, form): return len(3)", "mine.py, line LAST: TypeError"),
        ("def prompt(task, form): return Prompt()", "mine.py, line LAST: TypeError"),
        ("def prompt(task, form): return 'Look.'", "mine.py: prompt gives a str, and has to give a Prompt"),
        ("def prompts(task, form): return [3]", "mine.py: prompts gives a int, and has to give a Prompt"),
        ("async def annotate(task, ask): return 3", "mine.py: annotate gives a int, and has to give a Draft"),
        ("async def annotate(task, ask): task.nothing", "mine.py, line LAST: AttributeError"),
    ],
)
def test_what_goes_wrong_in_a_file_of_ones_own_is_told_with_its_line(tmp_path, lines, why):
    (tmp_path / "mine.py").write_text(f"{OWN_RECIPE}\n{lines}\n")
    recipe = recipes.get(str(tmp_path / "mine.py"))
    last = OWN_RECIPE.count("\n") + 2
    with pytest.raises(UsageError, match=why.replace("LAST", str(last))):  # noqa: PT012 - either of the two uses what is wrong
        recipes.all_prompts(recipe, TASK, "tags")
        draft(recipe, Asking("tags", to_tagged(SAID)))


def test_what_goes_wrong_in_our_own_lines_is_not_the_file_s(tmp_path):
    (tmp_path / "mine.py").write_text(OWN_RECIPE)
    recipe = recipes.get(str(tmp_path / "mine.py"))
    with pytest.raises(NoAnswer):
        draft(recipe, Asking("tags", "nothing that can be read"))
    assert not hasattr(recipe, "rewrite")


@pytest.mark.parametrize(
    ("name", "settings", "flag"),
    [("paper", Settings(samples=2), "samples"), ("caption-first", Settings(rationalise=False), "rationalise")],
)
def test_a_setting_that_a_recipe_has_not_is_refused(name, settings, flag):
    with pytest.raises(UsageError, match=f"the recipe '{name}' has no --{flag}"):
        recipes.get(name, settings)


def test_a_file_of_ones_own_has_no_settings(tmp_path):
    (tmp_path / "mine.py").write_text(OWN_RECIPE)
    with pytest.raises(UsageError, match="the recipe 'mine' has no --prompts"):
        recipes.get(str(tmp_path / "mine.py"), Settings(prompts=tmp_path))


def test_a_name_is_the_same_with_dashes_and_underscores():
    names = ("caption-first", "caption_first")
    assert {recipes.name_of(name) for name in names} == {"caption-first"}
    assert len({recipes.get(name).VERSION for name in names}) == 1
