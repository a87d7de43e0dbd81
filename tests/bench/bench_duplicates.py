"""From how many words on a copy with a few of them changed is found, and what is found where nothing is a copy.

    python tests/bench/bench_duplicates.py [--copies 400] [--real DIR]

A table of recall: rows are lengths in words, columns the number of words changed. Then, for texts that are no copies
and have 30 to 70 words, the share that another one is alike to: by shingles, as our check has it, and by words, where
0.85 is what a copy of 30 words with four of them changed comes to. `--real` has A-OKVQA's rationales.
"""

import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import harness
import polars as pl
from rapidfuzz.distance import Levenshtein

sys.path.insert(0, str(harness.ROOT))

from curation.similarity.texts import Sketches
from curation.validators import Subject
from tests.clean_traces import clean, human

_REAL = harness.ROOT.parent / "shared" / "data"
_LENGTHS = (30, 40, 50, 60, 75, 90, 120, 200)
_EDITS = (1, 2, 3, 4)
_WORDS = [f"w{number}" for number in range(30_000)]
_ALIKE = 0.85
_COMPARED = 600


def recall(length: int, edits: int, copies: int) -> float:
    """Return the share of copies that are found."""
    rng = random.Random(f"{length}:{edits}")
    originals = [rng.choices(_WORDS, k=length) for _ in range(copies)]
    sketches = Sketches()
    for texts in (originals, [_edited(words, edits, rng) for words in originals]):
        sketches.add(pl.Series([" ".join(words) for words in texts]))
    return sum(pair.later - copies == pair.earlier for pair in sketches.pairs()) / copies


def _edited(words: Sequence[str], edits: int, rng: random.Random) -> list[str]:
    changed = list(words)
    for place in rng.sample(range(len(words)), edits):
        changed[place] = rng.choice(_WORDS)
    return changed


def alike(texts: Sequence[str]) -> tuple[int, float, float]:
    """Return how many of the texts are short, and the shares that are like an earlier one: by shingles, by words."""
    words = {tuple(re.findall(r"[^\W_]+", text.lower())) for text in texts}
    short = sorted(each for each in words if 30 <= len(each) <= 70)
    short = random.Random(0).sample(short, min(_COMPARED, len(short)))
    sketches = Sketches()
    sketches.add(pl.Series([" ".join(each) for each in short]))
    by_words = sum(any(_near(one, other) for other in short[:at]) for at, one in enumerate(short))
    return len(short), len(list(sketches.pairs())) / len(short), by_words / len(short)


def _near(one: Sequence[str], other: Sequence[str]) -> bool:
    return Levenshtein.normalized_similarity(one, other, score_cutoff=_ALIKE) >= _ALIKE


def _compared(subjects: Sequence[Subject]) -> list[str]:
    return [f"{stages.caption}\n{stages.reasoning}" for each in subjects if (stages := each.stages)]


def main() -> None:
    """Print both tables."""
    arguments = harness.parser(__doc__)
    arguments.add_argument("--copies", type=int, default=400)
    arguments.add_argument("--real", type=Path, default=_REAL)
    options = arguments.parse_args()
    rows = [(length, *(f"{100 * recall(length, e, options.copies):.1f}" for e in _EDITS)) for length in _LENGTHS]
    harness.show(("words", *(f"{edits} changed, %" for edits in _EDITS)), rows)
    kinds = {"good traces": clean(1500), "people's words": human(options.real)}
    found = {name: alike(_compared(subjects)) for name, subjects in kinds.items() if subjects}
    shown = [(name, count, *(f"{100 * share:.2f}" for share in shares)) for name, (count, *shares) in found.items()]
    harness.show(("no copies", "texts", "alike by shingles, %", f"by words at {_ALIKE}, %"), shown)


if __name__ == "__main__":
    main()
