"""What each arm of an ablation asks and answers, over the same turns.

curated     the four stages, of traces without an open error
raw         the four stages, of all traces
direct      the answer alone
no-tags     the four stages without their tags
"""

from typing import NamedTuple

from transformers import PreTrainedTokenizerFast

from curation.families import GROUPS, Answer, Exchange, Renderer
from curation.prompts.wording import answer_text, question_text, untagged_text
from curation.training.records import Row
from curation.training.settings import Arm
from exports.jsonl import Line
from schemas.halves import whole
from schemas.sample import Turn
from schemas.trace import STAGES, Stage, Stages, Trace

_TAGS = GROUPS.index("tags")


class Asked(NamedTuple):
    """A turn as text."""

    question: str
    earlier: tuple[Exchange, ...]
    answer: str


def ask(row: Row, arm: Arm) -> Asked:
    """Return what the arm makes of a turn, with the turns before it as context.

    An earlier turn without a trace that the arm trains on is given its target; without a target it is left out.
    """
    line, trace = row
    turn = line.sample.turns[trace.turn]
    return Asked(question_text(turn), tuple(_earlier(line, trace.turn, arm)), _answer(turn, trace, arm))


def _earlier(line: Line, turn: int, arm: Arm) -> list[Exchange]:
    usable = {trace.turn: trace for trace in line.traces if arm == "raw" or trace.id not in line.errors}
    exchanges = []
    for number, before in enumerate(line.sample.turns[:turn]):
        answer = _answer(before, usable[number], arm) if number in usable else before.target
        if answer is not None:
            exchanges.append(Exchange(question_text(before), answer))
    return exchanges


def _answer(turn: Turn, trace: Trace, arm: Arm) -> str:
    return whole(_told(turn, trace, arm))


def _told(turn: Turn, trace: Trace, arm: Arm) -> str:
    if arm == "direct":
        return turn.target or trace.stages.conclusion
    return untagged_text(trace.stages) if arm == "no-tags" else answer_text(trace.stages)


def answer_of(renderer: Renderer, row: Row, arm: Arm) -> Answer:
    """Return the ids of the arm's answer, each with the stage that it belongs to, where tags don't say so too."""
    line, trace = row
    text = _answer(line.sample.turns[trace.turn], trace, arm)
    answer = renderer.answer(text)
    if arm == "direct":
        return _spread(answer, renderer.tokenizer, text, [(len(text), Stage.CONCLUSION)])
    if arm == "no-tags":
        return _spread(answer, renderer.tokenizer, text, _ends(trace.stages))
    return answer


def _ends(stages: Stages) -> list[tuple[int, Stage]]:
    """Return where in the text without tags each stage ends, the empty line after it included."""
    ends, end = [], 0
    for stage in STAGES:
        end += len(stages[stage]) + 2
        ends.append((end, stage))
    return ends


def _spread(answer: Answer, tokenizer: PreTrainedTokenizerFast, text: str, ends: list[tuple[int, Stage]]) -> Answer:
    """Give each id of the text the stage in which it begins, and `tags` to those that end the turn.

    Where the text reads otherwise by itself, because it holds a special token's name, all is taken for a conclusion.
    """
    alone = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = alone["input_ids"], alone["offset_mapping"]
    if answer.ids[: len(ids)] != ids:
        return Answer(answer.ids, [GROUPS.index(Stage.CONCLUSION.value)] * len(answer.ids))
    groups = [GROUPS.index(next(stage for end, stage in ends if start < end).value) for start, _ in offsets]
    return Answer(answer.ids, groups + [_TAGS] * (len(answer.ids) - len(ids)))
