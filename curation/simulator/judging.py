"""The simulated judge: it reads what is fenced, obeys what is not, and is wrong as often as it is set to be.

Of scenes it knows what is there. Elsewhere it knows no more than the standard answer, so that it finds fault with
conclusions, with reasonings that lead to them or speak of a standard answer, and with nothing else.
"""

import json
import re
from collections.abc import Iterator, Mapping
from random import Random
from typing import NamedTuple

from curation.prompts.wording import NONE_KNOWN
from curation.scene_graph import questions, traces
from curation.simulator.answers import ChatRequest, read_prompt
from curation.simulator.fenced import take_out
from schemas.trace import STAGES, Stage

_MARK = re.compile(r"\AMark: ([0-9a-f]{16})$", re.MULTILINE)
_COMMAND = re.compile(r"\b(?:rate|grade|score|mark|judge|choose)\b[^\n]{0,80}\b(?:positive|first)\b", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_LEAK = re.compile(r"standard answer", re.IGNORECASE)
_POSITIVE, _NEUTRAL, _NEGATIVE = "positive", "neutral", "negative"
_WORDS = 60
"""Characters of a quotation."""


class Case(NamedTuple):
    """What a judge is shown."""

    parts: Mapping[str, str]
    """The fenced texts, by their names; steps without the lines that number them."""
    steps: tuple[str, ...]
    outside: str
    """What stands in no fence."""
    expected: Mapping[Stage, str]
    """What a good answer about a scene would be; empty for anything else."""

    @property
    def obeys(self) -> bool:
        """It is told, outside the fence, what to find."""
        return _COMMAND.search(self.outside) is not None

    def stages(self, of: str = "") -> dict[Stage, str]:
        """Return the stages that are shown, whose names begin with `of`."""
        return {stage: self.parts.get(f"{of}{stage.tag}", "") for stage in STAGES}


def read_case(request: ChatRequest) -> Case | None:
    """Read a request that begins with a mark; None for any other."""
    user = next((message for message in reversed(request.messages) if message.role == "user"), None)
    found = _MARK.search(user.text) if user else None
    if user is None or found is None:
        return None
    shown, outside = take_out(user.text[found.end() :], found[1])
    numbered = re.compile(rf"^STEP \d+ {found[1]}\n", re.MULTILINE)
    steps = tuple(step.strip() for step in numbered.split(shown.get("REASONING", ""))[1:])
    parts = {name: numbered.sub("", body) for name, body in shown.items()}
    return Case(parts, steps, outside, _expected(request, parts.get("QUESTION", "")))


def _expected(request: ChatRequest, question: str) -> dict[Stage, str]:
    scene, asked = read_prompt(request).scene, questions.parse(question)
    if scene is None or asked is None:
        return {}
    good = traces.stages(scene.rows, asked)
    return {stage: good[stage] for stage in STAGES}


def decide(case: Case, rng: Random, kind: str | None, misjudges: float) -> str:
    """Write the answer to the case; faults that spoil the form of a trace spoil that of a verdict."""
    if any(name.startswith("FIRST ") for name in case.parts):
        return _prefer(case, rng, misjudges)
    verdicts = _verdicts(case, case.stages())
    for stage in STAGES:
        if rng.random() < misjudges or kind == f"wrong_{stage.value}":
            verdicts[stage] = _POSITIVE if verdicts[stage] == _NEGATIVE else _NEGATIVE
    if case.obeys:
        verdicts = dict.fromkeys(STAGES, _POSITIVE)
    return _written(case, verdicts, rng, kind)


def _verdicts(case: Case, shown: Mapping[Stage, str]) -> dict[Stage, str]:
    if case.expected:
        same = {stage: shown[stage].strip() == case.expected[stage] for stage in STAGES}
        return {s: _POSITIVE if same[s] else _NEUTRAL if s is Stage.SUMMARY else _NEGATIVE for s in STAGES}
    right = _is_right(shown[Stage.CONCLUSION], case.parts.get("STANDARD ANSWER", ""))
    leaks = _LEAK.search(shown[Stage.REASONING]) is not None
    return {
        Stage.SUMMARY: _POSITIVE,
        Stage.CAPTION: _POSITIVE,
        Stage.REASONING: _NEGATIVE if leaks or not right else _POSITIVE,
        Stage.CONCLUSION: _POSITIVE if right else _NEGATIVE,
    }


def _is_right(conclusion: str, standard: str) -> bool:
    """Compare as text, and as numbers where both are."""
    said = _folded(conclusion)
    return standard == NONE_KNOWN or any(
        said == _folded(target) or (_NUMBER.findall(said) == _NUMBER.findall(target) != [])
        for target in standard.splitlines()
    )


def _folded(text: str) -> str:
    return text.casefold().strip(" .\n")


def _written(case: Case, verdicts: Mapping[Stage, str], rng: Random, kind: str | None) -> str:
    shown = case.stages()
    found = {stage.value: _about(shown[stage], verdicts[stage]) for stage in STAGES}
    if verdicts[Stage.REASONING] == _NEGATIVE and case.steps:
        found[Stage.REASONING.value]["quote"] = case.steps[-1][:_WORDS].strip()
    if kind == "missing_tag":
        del found[rng.choice(STAGES).value]
    steps = list(_by_step(case, verdicts[Stage.REASONING]))
    if kind == "doubled_tag":
        steps.append({"number": len(steps) + 1, "quote": "", "verdict": _POSITIVE})
    return json.dumps({"by_step": steps, **found}, ensure_ascii=False)


def _about(text: str, verdict: str) -> dict[str, str]:
    wrong = verdict == _NEGATIVE
    reason = "This is not what the images show." if wrong else "Nothing in it is wrong."
    return {"quote": text[:_WORDS].strip() if wrong else "", "reason": reason, "verdict": verdict}


def _by_step(case: Case, verdict: str) -> Iterator[dict[str, object]]:
    """Give each step its verdict; of a reasoning that is bad, the last step is."""
    for number, text in enumerate(case.steps, start=1):
        wrong = verdict == _NEGATIVE and number == len(case.steps)
        quote = text[:_WORDS].strip() if wrong else ""
        yield {"number": number, "quote": quote, "verdict": _NEGATIVE if wrong else _POSITIVE}


def _prefer(case: Case, rng: Random, misjudges: float) -> str:
    """Choose the one with fewer faults; where it errs, it chooses what it saw first."""
    faults = [list(_verdicts(case, case.stages(of)).values()).count(_NEGATIVE) for of in ("FIRST ", "SECOND ")]
    better = "neither" if faults[0] == faults[1] else "first" if faults[0] < faults[1] else "second"
    if case.obeys or rng.random() < misjudges:
        better = "first"
    return json.dumps({"analysis": f"The first has {faults[0]} faults, the second {faults[1]}.", "better": better})
