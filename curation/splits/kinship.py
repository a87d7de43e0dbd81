"""What samples have in common that must not be in two splits: an image, one that looks like it, or the question itself.

A picture is the same by its bytes, or by how it looks (`looking.alike`). A question is harder to tell: "What is shown?"
is asked of every picture, and "How many cubes are there?" of thousands, without any of them giving the others away. So
questions are the same where the words leave nothing to the picture:

    no image     the sample is its text: two that have the same text are the same
    choices      the same question, context and choices (in any order), where the choices are words, and where the text
                 has one and the same answer wherever it is asked; with two different answers, the picture decides
    no choices   never: what is asked freely about another picture is another question

Case, blanks and compatible letters (NFKC) are no difference.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
_Hashes = npt.NDArray[np.uint64]
_WORD = re.compile(r"[^\W\d_]{2}")
_UNKNOWN = 0


class Kinship(NamedTuple):
    """Samples by their numbers, and the things that two or more of them have: a pair for each sample and thing.

    Pairs are in the order of the things.
    """

    ids: list[str]
    """In ascending order."""
    samples: Numbers
    things: Numbers
    """From 0, without gaps."""

    @property
    def kinds(self) -> int:
        """How many things there are."""
        return int(self.things[-1]) + 1 if len(self.things) else 0


def kinship(samples: Iterable[tuple[str, Mapping[str, Any]]], alike: Mapping[str, str]) -> Kinship:
    """Compare samples, given in the order of their ids with their records as plain data.

    `alike` has the group of each image that looks like another, by digest. For each image and each question 16 bytes
    are held, and no text. Raises ValueError for ids that are out of order.
    """
    ids: list[str] = []
    shown, asked = _Pairs(), _Asked()
    for sample_id, record in samples:
        if ids and sample_id <= ids[-1]:
            raise ValueError(f"{sample_id} after {ids[-1]}: sort by the ids' code points")
        for image in record["images"]:
            shown.add(len(ids), _image_mark(alike.get(image["digest"], image["digest"])))
        if record["images"]:
            asked.add(len(ids), record["turns"])
        else:
            shown.add(len(ids), _mark("text", *_words(record["turns"])))
        ids.append(sample_id)
    (showing, images), (asking, questions) = shown.arrays(), asked.constant()
    return Kinship(ids, *_shared(np.concatenate((showing, asking)), np.concatenate((images, questions))))


class _Pairs:
    """Samples and marks of what they have."""

    def __init__(self) -> None:
        self._samples, self._marks = array("q"), array("Q")

    def add(self, sample: int, mark: int) -> None:
        self._samples.append(sample)
        self._marks.append(mark)

    def arrays(self) -> tuple[Numbers, _Hashes]:
        return np.array(self._samples, np.int64), np.array(self._marks, np.uint64)


class _Asked:
    """Questions about pictures, with their answers."""

    def __init__(self) -> None:
        self._questions = _Pairs()
        self._answers = array("Q")

    def add(self, sample: int, turns: Iterable[Mapping[str, Any]]) -> None:
        for turn in turns:
            if any(_WORD.search(choice) for choice in turn["choices"]):
                self._questions.add(sample, _mark("asked", *_words([turn])))
                targets = turn["targets"]
                self._answers.append(_mark("answer", _plain(targets[0])) if targets else _UNKNOWN)

    def constant(self) -> tuple[Numbers, _Hashes]:
        """Return the samples and the questions that have one known answer wherever they are asked."""
        samples, marks = self._questions.arrays()
        order = np.argsort(marks, kind="stable")
        samples, marks, answers = samples[order], marks[order], np.array(self._answers, np.uint64)[order]
        if not len(marks):
            return samples, marks
        begins = np.flatnonzero(np.concatenate(([True], marks[1:] != marks[:-1])))
        known = np.where(answers == _UNKNOWN, np.iinfo(np.uint64).max, answers)
        one = np.maximum.reduceat(answers, begins) == np.minimum.reduceat(known, begins)
        kept = np.repeat(one, np.diff(np.append(begins, len(marks))))
        return samples[kept], marks[kept]


def _shared(samples: Numbers, marks: _Hashes) -> tuple[Numbers, Numbers]:
    """Give numbers to the marks that two samples have, and drop the others; each pair once."""
    order = np.lexsort((samples, marks))
    samples, marks = samples[order], marks[order]
    new = np.concatenate(([True], (marks[1:] != marks[:-1]) | (samples[1:] != samples[:-1])))[: len(marks)]
    samples, marks = samples[new], marks[new]
    _, things, counts = np.unique(marks, return_inverse=True, return_counts=True)
    several = counts[things] > 1
    numbers = np.cumsum(counts > 1) - 1
    return samples[several], numbers[things[several]]


def _words(turns: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for turn in turns:
        yield from (_plain(turn["question"]), _plain(turn["context"]), *sorted(map(_plain, turn["choices"])), "")


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _image_mark(digest: str) -> int:
    """Return the first 64 bits of a digest: among a million images, two are alike once in thirty million runs."""
    return int(digest.removeprefix("sha256:")[:16], 16)


def _mark(*texts: str) -> int:
    digest = blake2b("\x1f".join(texts).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") or 1
