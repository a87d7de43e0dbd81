"""Which special tokens a text holds: those that a template wrote, never those that a person typed.

A special token is told from its characters by a mark. What a template writes is marked; in a person's text each of the
same characters gets a sign before it, so that they are not found. A copy of the tokenizer that knows the special tokens
only under their marked names then reads the whole in one go, and so merges, offsets and white space come out as they do
in the tokenizer itself. Mark and sign are noncharacters of Unicode, which stand in no text that is exchanged.
"""

import json
import re
from typing import Any, NamedTuple

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from schemas.trace import STAGES

MARK = "\ufdd0"
_BREAK = "\ufdd1"
TAGS = tuple(f"<{slash}{stage.tag}>" for stage in STAGES for slash in ("", "/"))


class Encoded(NamedTuple):
    """Ids, with where each of them stands in the marked text."""

    ids: list[int]
    spans: list[tuple[int, int]]
    """First character and the one after the last."""


class Marker:
    """Encodes marked texts with one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        state = json.loads(tokenizer.backend_tokenizer.to_str())
        special = [token["content"] for token in state["added_tokens"] if token["special"]]
        tags = [token["content"] for token in state["added_tokens"] if token["content"] in TAGS]
        self._special = _any_of(special)
        self._leading = re.compile(rf"\s*{MARK}{self._special.pattern}")
        self._special_or_tag = _any_of([*special, *tags])
        added = [_renamed(token, {*special, *tags}) for token in state["added_tokens"]]
        self._reader = _reader(state, added)
        self._ids = {self._reader.token_to_id(token["content"]): int(token["id"]) for token in added}

    def typed(self, text: str) -> str:
        """Return a person's text for a template: no special token and no tag is found in it."""
        return _broken(self._special_or_tag, text)

    def answered(self, text: str) -> str:
        """Return an answer for a template: tags are found in it, special tokens are not."""
        return _broken(self._special, text)

    def mark(self, rendered: str) -> str:
        """Mark the special tokens and the tags of what a template made of such texts."""
        return self._special_or_tag.sub(rf"{MARK}\g<0>", rendered).replace(_BREAK, "")

    def leading(self, marked: str) -> str:
        """Return the special token with which a marked text begins, white space before it included; else nothing."""
        found = self._leading.match(marked)
        return found.group() if found else ""

    def encode(self, marked: str) -> Encoded:
        """Return the ids of a marked text, as the tokenizer gives them for the text with its special tokens."""
        encoding = self._reader.encode(marked, add_special_tokens=False)
        return Encoded([self._ids.get(i, i) for i in encoding.ids], encoding.offsets)


def _any_of(contents: list[str]) -> re.Pattern[str]:
    """Return a pattern that finds the longest of these, but not where they are broken up."""
    longest_first = sorted(contents, key=len, reverse=True)
    return re.compile(rf"(?<!{_BREAK})(?:{'|'.join(map(re.escape, longest_first)) or '(?!)'})")


def _broken(pattern: re.Pattern[str], text: str) -> str:
    text = text.replace(MARK, "\ufffd").replace(_BREAK, "\ufffd")
    return pattern.sub(lambda found: "".join(_BREAK + sign for sign in found[0]), text)


def _renamed(token: dict[str, Any], marked: set[str]) -> dict[str, Any]:
    return {**token, "content": MARK + token["content"], "normalized": False} if token["content"] in marked else token


def _reader(state: dict[str, Any], added: list[dict[str, Any]]) -> Tokenizer:
    """Make the copy. It gives ids of its own to marked names, since the vocabulary of the model lacks them."""
    plain = {"truncation": None, "padding": None, "post_processor": None}
    return Tokenizer.from_str(json.dumps({**state, **plain, "added_tokens": added}))
