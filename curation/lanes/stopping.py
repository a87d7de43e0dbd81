"""When a row stops: at a text that its new tokens hold, whatever the prompt says."""

from functools import lru_cache

from transformers import PreTrainedTokenizerFast

_TAIL = 24
"""New tokens that are decoded to look for a text: more than the longest tag's characters."""


class Stop:
    """Finds texts in new tokens. Most tokens can't end one of them, and are not even decoded."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, texts: tuple[str, ...] = (), endings: str = "") -> None:
        """Stop where one of the texts occurs, or where the new text ends with one of the characters in `endings`."""
        self.tokenizer = tokenizer
        self.texts = texts
        self.endings = tuple(endings)
        self.signs = _holding(tokenizer, frozenset(endings) | {text[-1] for text in texts})

    def found(self, ids: list[int]) -> bool:
        """Tell whether the last of the new ids completes one of the texts."""
        if not self.signs or ids[-1] not in self.signs:
            return False
        tail = text_of(self.tokenizer, ids[-_TAIL:])
        return any(text in tail for text in self.texts) or tail.endswith(self.endings or ("\0",))


@lru_cache(maxsize=16)
def _holding(tokenizer: PreTrainedTokenizerFast, signs: frozenset[str]) -> frozenset[int]:
    """Return the ids of tokens that hold one of the characters."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return frozenset(index for index, token in enumerate(tokens) if token and not signs.isdisjoint(token))


def text_of(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> str:
    """Return the text of new tokens as it is, special tokens written out."""
    return str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))
