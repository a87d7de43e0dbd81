"""What the model is asked as a judge of its own candidates: LLaVA-CoT's form, the criteria in words of our own.

Form (arXiv 2411.10440 and its code): one user turn with what a better text is, the question, what is known already as
a hint, and both texts as `Repsonse 1` and `Repsonse 2`, spelt so; the answer ends with `I choose response 1` or `2`.
"""

from curation.judges import Case, Kind, Option
from curation.prompts.wording import question_text
from schemas.trace import Stage

VERDICT = "I choose response"

_ROLE = "Now you act as a judge, helping me determine which of the two texts I provide"

_BETTER: dict[Kind, str] = {
    "answer": "better answers the question.",
    "sentence": "is the better next sentence of an answer to the question.",
    Stage.SUMMARY: "better says how the question will be approached. A better summary outlines the approach; it holds "
    "no analysis of its own and no formulas.",
    Stage.CAPTION: "better describes what the image shows that matters for the question, with fewer errors. A better "
    "caption is thorough and accurate, and gives details rather than a general impression.",
    Stage.REASONING: "better reasons its way to an answer, with fewer errors. Read the question, look at each text "
    "closely, find where they differ, and decide which of the two reasons better.",
    Stage.CONCLUSION: "better concludes. A better conclusion agrees with the reasoning in the hint, and never refuses "
    "to answer.",
}

_FORM = (
    '\n\nFollow the output format, and write nothing else.\n\nOutput format: "Since [reason], I choose response [1/2]."'
)

_CHECK = (
    "Now you act as a judge, helping me determine whether the reasoning process in the given text is correct, based on "
    "the given information. Take what is said about the image as true, look at the reasoning alone, and check every "
    "calculation. Output 'correct' if you find no error in it, and 'incorrect' if you find one."
)


def comparison(case: Case, one: Option, other: Option, *, written: bool = True) -> str:
    """Return the prompt that asks which of two options is better; a verdict that is only read needs no form."""
    hint = _hint(case.kind, one)
    parts = [
        f"{_ROLE} {_BETTER[case.kind]}",
        f"Question: {question_text(case.question.turn)}",
        *([f"Hint about the Question: {hint}"] if hint else []),
    ]
    texts = f"\nRepsonse 1: {judged(case.kind, one)}\nRepsonse 2: {judged(case.kind, other)}"
    return "\n\n".join(parts) + texts + (_FORM if written else "")


def check(option: Option) -> str:
    """Return the prompt that asks, without the image, whether a reasoning follows from its caption."""
    caption, reasoning = option.part(Stage.CAPTION) or "", option.part(Stage.REASONING) or ""
    return f"{_CHECK}\n\nGiven Information: {caption}\n\nReasoning Process: {reasoning}"


def judged(kind: Kind, option: Option) -> str:
    """Return the part of an option that is judged."""
    if isinstance(kind, Stage):
        return option.part(kind) or option.text
    return _sentences(option.text)[-1] if kind == "sentence" else option.text


def _hint(kind: Kind, option: Option) -> str:
    """Return what the judge may take as known: what stands before, but for a summary and a caption."""
    if kind == "sentence":
        return " ".join(_sentences(option.text)[:-1])
    before = {Stage.REASONING: [Stage.CAPTION], Stage.CONCLUSION: [Stage.CAPTION, Stage.REASONING]}
    return "".join(option.part(stage) or "" for stage in before.get(kind, [])) if isinstance(kind, Stage) else ""


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in text.split(".") if part.strip()] or [text]
