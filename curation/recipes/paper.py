"""One question, one call, the standard answer in the prompt: how LLaVA-CoT-100k was made.

Source of the method: arXiv 2411.10440, section 3.2; the words are our own. A model that is shown the answer can lean
on it: `leak` in the simulator and the checks on traces exist because of this recipe.
"""

from curation.calls.asker import Ask
from curation.calls.request import AnswerForm, Prompt
from curation.recipes import Draft, Exchange, Task
from curation.recipes._stages import REPAIR, SCHEMA, how_to_answer, read_stages, what_was_wrong
from schemas.digest import digest_json
from schemas.sample import Turn

_SYSTEM = """\
You write training data for a model that looks at images and reasons in the open. You are given one or more images, a \
question about them and its standard answer. Write how somebody who sees only the images and the question would arrive \
at that answer, in four parts:

1. SUMMARY: how you will go about the question, in one or two sentences, without solving it.
2. CAPTION: what the images show, as far as the question needs it: the objects, the text, the numbers. Only what can \
be seen.
3. REASONING: the argument, step by step, from what the caption says to the answer. Every number that you use must be \
in the images or follow from an earlier step.
4. CONCLUSION: the answer alone, in the words of the standard answer, with no sentence around it. Where choices are \
given, it is the choice as the standard answer names it.

The standard answer is for you only: never mention it, never say that you were given it or that you agree with it. \
Write in the language of the question."""

VERSION = digest_json(["paper/1", _SYSTEM, SCHEMA, how_to_answer("schema"), how_to_answer("tags"), REPAIR])

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


def _user_text(task: Task) -> str:
    standard = f"Standard answer: {task.turn.target or 'none is known'}"
    return "\n".join([*_earlier(task), *_question(task.turn), standard, *what_was_wrong(task.flawed)])


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
