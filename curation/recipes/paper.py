"""One question, one call, the standard answer in the prompt: how LLaVA-CoT-100k was made.

Source of the method: arXiv 2411.10440, section 3.2; the words are our own. A model that is shown the answer can lean
on it: `leak` in the simulator and the checks on traces exist because of this recipe.
"""

from curation.calls.asker import Ask
from curation.calls.request import AnswerForm, Prompt
from curation.recipes import Anew, Draft, Exchange, Task
from curation.recipes._anew import AS_SCHEMA, AS_TAGS, how_to_give, read_anew, schema_of, what_stands
from curation.recipes._stages import REPAIR, SCHEMA, how_to_answer, read_stages, what_was_wrong
from schemas.digest import digest_json
from schemas.sample import Turn
from schemas.trace import STAGES

_PARTS = """\
1. SUMMARY: how you will go about the question, in one or two sentences, without solving it.
2. CAPTION: what the images show, as far as the question needs it: the objects, the text, the numbers. Only what can \
be seen.
3. REASONING: the argument, step by step, from what the caption says to the answer. Every number that you use must be \
in the images or follow from an earlier step.
4. CONCLUSION: the answer alone, in the words of the standard answer, with no sentence around it. Where choices are \
given, it is the choice as the standard answer names it.

The standard answer is for you only: never mention it, never say that you were given it or that you agree with it. \
Write in the language of the question."""

_SYSTEM = f"""\
You write training data for a model that looks at images and reasons in the open. You are given one or more images, a \
question about them and its standard answer. Write how somebody who sees only the images and the question would arrive \
at that answer, in four parts:

{_PARTS}"""

_REWRITE = f"""\
You revise training data for a model that looks at images and reasons in the open. You are given one or more images, a \
question about them, its standard answer, and an answer in four parts that a reviewer is working on:

{_PARTS}

Write anew only the parts that you are asked for, so that all four fit together. The other parts stay as they are: \
take what they say as right, and build on it. Where the reviewer says what is wrong, put it right, and never speak of \
the reviewer, or of an earlier answer."""

VERSION = digest_json(["paper/1", _SYSTEM, SCHEMA, how_to_answer("schema"), how_to_answer("tags"), REPAIR])

REWRITE_VERSION = digest_json(
    ["paper/rewrite/1", _REWRITE, schema_of(STAGES), AS_SCHEMA, AS_TAGS, what_stands(Anew({}, STAGES, "…"))]
)

CALLS = 1


def prompt(task: Task, form: AnswerForm) -> Prompt:
    """Return the one prompt: images, question, and the standard answer in view."""
    return Prompt(
        system=f"{_SYSTEM}\n\n{how_to_answer(form)}",
        user=_user_text(task),
        images=task.images,
        schema=SCHEMA if form == "schema" else None,
    )


async def annotate(task: Task, ask: Ask) -> Draft:
    """Ask once for all four stages."""
    parsed = await ask(prompt(task, ask.form), read_stages)
    return Draft(parsed.value, (parsed.call,), parsed.model, parsed.simulated)


def rewrite_prompt(task: Task, anew: Anew, form: AnswerForm) -> Prompt:
    """Return the one prompt: the same in view, and the stages as they stand."""
    return Prompt(
        system=f"{_REWRITE}\n\n{how_to_give(anew.which, form)}",
        user="\n".join([*_in_view(task), *what_stands(anew)]),
        images=task.images,
        schema=schema_of(anew.which) if form == "schema" else None,
    )


async def rewrite(task: Task, anew: Anew, ask: Ask) -> Draft:
    """Ask once for all the stages that are to be written anew."""
    parsed = await ask(rewrite_prompt(task, anew, ask.form), lambda text: read_anew(text, anew))
    return Draft(parsed.value, (parsed.call,), parsed.model, parsed.simulated)


def _user_text(task: Task) -> str:
    return "\n".join([*_in_view(task), *what_was_wrong(task.flawed)])


def _in_view(task: Task) -> list[str]:
    return [*_earlier(task), *_question(task.turn), f"Standard answer: {task.turn.target or 'none is known'}"]


def _earlier(task: Task) -> list[str]:
    def said(exchange: Exchange) -> str:
        return f"Earlier question: {exchange.question}\nEarlier answer: {exchange.answer}"

    return [said(exchange) for exchange in task.earlier]


def _question(turn: Turn) -> list[str]:
    lines = [f"Context: {turn.context}"] if turn.context else []
    lines.append(f"Question: {turn.question}")
    if turn.choices:
        lines.append("Choices: " + "; ".join(f"({chr(65 + i)}) {choice}" for i, choice in enumerate(turn.choices)))
    return lines
