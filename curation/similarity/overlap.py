"""What two data sets have in common: pairs of records, and questions, told from those that many people ask."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from schemas.sample import ImageRef, Record

GRAM = 13
"""Words in a row that two questions share by chance only where they are of one form; the length of GPT-3's filter:
Brown et al. 2020, https://arxiv.org/abs/2005.14165, appendix C."""
FREQUENT = 10
"""Questions in which a sequence may stand: one in more is the form of a data set, and tells nothing."""
_CONTAINED = 0.8
_READ = 20_000
"""Characters of a question that are looked at."""
_CJK = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")


class Pair(Record):
    """The row of an evaluation set that a trace shares something with; as JSON, the evidence of an Issue."""

    benchmark: str
    index: str
    question: str = ""
    """How it begins."""
    image: ImageRef | None = None
    """The row's picture that looks like one of the sample's; the workspace keeps it."""
    difference: float | None = None
    """Between the two pictures: 0 for the same, up to `similarity.pictures.ALIKE`."""


def same_question(one: str, other: str) -> bool:
    """Tell whether one of two questions about the same picture is the other: nearly all of its word pairs are in it.

    What stands around it, a hint or the options, does not matter. A paraphrase is not told.
    """
    words, other_words = _words(one), _words(other)
    if min(len(words), len(other_words)) < 2:
        return words == other_words
    pairs, other_pairs = (set(pairwise(some)) for some in (words, other_words))
    return len(pairs & other_pairs) >= _CONTAINED * min(len(pairs), len(other_pairs))


class Distinctive:
    """Long sequences of words, each with the number of the question that has it; those that many have are left out."""

    def __init__(self, questions: Iterable[str]) -> None:
        self._first: dict[int, int] = {}
        counts = Counter[int]()
        for number, question in enumerate(questions):
            for gram in set(grams(question)):
                counts[gram] += 1
                self._first.setdefault(gram, number)
        self._first = {gram: number for gram, number in self._first.items() if counts[gram] <= FREQUENT}

    def shared(self, question: str) -> dict[int, int]:
        """Return the sequences of a question that stand here too, each with the number of the question that has it."""
        return {gram: self._first[gram] for gram in grams(question) if gram in self._first}


def grams(question: str) -> Iterator[int]:
    """Yield a hash of each sequence of GRAM words; it is another one in another process."""
    words = _words(question)
    return (hash(tuple(words[at : at + GRAM])) for at in range(len(words) - GRAM + 1))


def _words(text: str) -> list[str]:
    return _WORD.findall(text[:_READ].lower())
