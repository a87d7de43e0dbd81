"""What a conversation is in ids: rendered by the checkpoint's own chat template, tokenised by its own tokenizer."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerFast

from curation.errors import DataError
from curation.families import GROUPS, Answer, Exchange
from curation.families._marking import MARK, Marker
from schemas.trace import STAGES

_STAGE = re.compile(
    rf"(?P<open>{MARK}?<(?P<tag>{'|'.join(stage.tag for stage in STAGES)})>)(?P<text>.*?){MARK}?</(?P=tag)>", re.DOTALL
)
_GROUP = {stage.tag: GROUPS.index(stage.value) for stage in STAGES}
_TAGS = GROUPS.index("tags")
_DATE = "26 Jul 2024"
"""What Llama's templates write where nobody says what day it is. Today's date would make runs differ by the day."""


class _Group(NamedTuple):
    """Where a stage's text stands in a marked text."""

    start: int
    end: int
    group: int


_NO_GROUP = _Group(sys.maxsize, sys.maxsize, _TAGS)


class Chat:
    """The template and the tokenizer of one checkpoint."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._marker = Marker(tokenizer)
        self._question = _turn("user", self._marker.typed("?"))
        self._before_answer = self._rendered([self._question], to_answer=True)
        self.stop_ids = frozenset({self.answer("a").ids[-1], *_ids(tokenizer.eos_token_id)})

    def prompt(self, text: str, images: int, earlier: Sequence[Exchange]) -> list[int]:
        """Return the ids up to where the answer begins, with one placeholder for each image."""
        turns = []
        for exchange in earlier:
            turns.append(_turn("user", self._marker.typed(exchange.question)))
            turns.append(_turn("assistant", self._marker.answered(exchange.answer.strip())))
        turns.append(_turn("user", self._marker.typed(text)))
        turns[0]["content"] = [*[{"type": "image"}] * images, *turns[0]["content"]]
        rendered = self._rendered(turns, to_answer=True)
        return [*self._begins_with(rendered), *self._marker.encode(rendered).ids]

    def answer(self, text: str) -> Answer:
        """Return what the template writes of an answer after the prompt, up to the end of the turn.

        The white space around the text is left out, and so is what the template writes after the end of the turn. Where
        it writes no end of the turn, the end of the sequence is put there, since nothing else would end generation.
        """
        answered = self._marker.answered(text.strip())
        marked = self._marker.mark(answered)
        rendered = self._rendered([self._question, _turn("assistant", answered)], to_answer=False)
        start = rendered.find(marked, len(self._before_answer))
        if start < 0 or not rendered.startswith(self._before_answer):
            raise DataError(
                f"{self._tokenizer.name_or_path}: the chat template does not put an answer, as it is, after the prompt"
            )
        end = start + len(marked)
        encoded = self._marker.encode(rendered[:end] + self._end_of_turn(rendered[end:]))
        first = sum(span[0] < len(self._before_answer) for span in encoded.spans)
        return Answer(encoded.ids[first:], [*_groups_of(encoded.spans[first:], _groups(marked, start))])

    def _rendered(self, turns: list[dict[str, Any]], *, to_answer: bool) -> str:
        """Return what the template makes of the turns, special tokens and tags marked."""
        try:
            rendered = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=to_answer, date_string=_DATE
            )
        except (TemplateError, TypeError) as error:
            raise DataError(
                f"{self._tokenizer.name_or_path}: the chat template does not take images and text: {error}"
            ) from error
        return self._marker.mark(cast("str", rendered))

    def _begins_with(self, rendered: str) -> list[int]:
        """Return the begin of the sequence where the tokenizer puts it and the template did not."""
        begin = self._tokenizer.bos_token
        if begin is None or rendered.startswith(MARK + begin):
            return []
        ids = self._tokenizer.backend_tokenizer.encode("").ids
        return [i for i in ids[:1] if i == self._tokenizer.bos_token_id]

    def _end_of_turn(self, rest: str) -> str:
        if end := self._marker.leading(rest):
            return end
        if self._tokenizer.eos_token is None:
            raise DataError(f"{self._tokenizer.name_or_path}: neither template nor tokenizer has an end of the turn")
        return f"{MARK}{self._tokenizer.eos_token}"


def _turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def _ids(token_id: int | None) -> list[int]:
    return [] if token_id is None else [token_id]


def _groups(marked: str, offset: int) -> list[_Group]:
    """Return where the stages' texts stand. An answer without a tagged stage is a conclusion as a whole."""
    groups = []
    for found in _STAGE.finditer(marked):
        text = found["text"]
        start = offset + found.start("text") + len(text) - len(text.lstrip())
        groups.append(_Group(start, start + len(text.strip()), _GROUP[found["tag"]]))
    return groups or [_Group(offset, offset + len(marked), GROUPS.index("conclusion"))]


def _groups_of(spans: Iterable[tuple[int, int]], groups: list[_Group]) -> Iterator[int]:
    """Give the stage of which each token has at least one character, or the tags; both lists go from left to right."""
    left = iter(groups)
    group = next(left)
    for start, end in spans:
        while start >= group.end:
            group = next(left, _NO_GROUP)
        yield group.group if end > group.start else _TAGS
