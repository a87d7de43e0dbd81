"""One judge: its prompt, with a version, and the verdict that it is asked for."""

from pathlib import Path

from curation.calls.asker import Ask, Parsed
from curation.calls.request import AnswerForm, Prompt
from curation.critics.reading import FORM, SCHEMA, Findings, read_findings
from curation.critics.showing import RULE, Case, parts_of, show
from curation.prompts import files as prompt_files
from schemas.digest import digest_json
from schemas.steps import MOST, split

_OURS = Path(__file__).parent / "prompts"
TEXTS = {"judge": "judge.txt", "compare": "compare.txt"}
REQUEST = "Now judge the four stages and each numbered step of the reasoning, as you were told above."
AGAIN = "Your last answer to this could not be read: {}. Answer anew."


def texts(prompts: Path | None) -> dict[str, str]:
    """Return the texts of the prompts, ours or the user's. Raises UsageError for a folder that does not fit."""
    return prompt_files.read(_OURS, TEXTS, prompts)


class Critic:
    """Asks for verdicts in the words of `text`."""

    def __init__(self, text: str) -> None:
        self.VERSION = digest_json(["judge/1", text, RULE, FORM, SCHEMA, REQUEST, AGAIN, MOST])
        self._text = text

    def prompt(self, case: Case, form: AnswerForm) -> Prompt:
        """Return the one prompt; where schemas are not supported, its words ask for the same object."""
        return Prompt(
            system="\n\n".join((self._text, RULE, FORM)),
            user=show(parts_of(case), REQUEST),
            images=case.images,
            schema=SCHEMA if form == "schema" else None,
            temperature=0,
        )

    async def judge(self, case: Case, ask: Ask) -> Parsed[Findings]:
        """Ask, and once more where the answer can't be read. Raises NoAnswer: then the trace is not judged."""
        stages = case.trace.stages
        steps = split(stages.reasoning)
        return await ask(self.prompt(case, ask.form), lambda text: read_findings(text, stages, steps), told)


def told(prompt: Prompt, answer: str, fault: str) -> Prompt:  # noqa: ARG001 - what a judge wrote may quote what it read
    """Return the prompt with what was wrong with the answer to it, in our words, after everything else."""
    return prompt._replace(user=f"{prompt.user}\n\n{AGAIN.format(fault)}")
