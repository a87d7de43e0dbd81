"""What lies beside a release's data: its policy, and for each trace that was not taken the line that excluded it.

    policy.toml         the policy, as it was
    excluded.jsonl      {"line": 3, "reason": "answer:wrong (error)", "rule": "severity.out", "sample": …, "split": …,
                        "trace": …, "turn": 0}, one for each such trace of the sources; none where all were taken

`line` is that of `policy.toml`, and null where no line of it is the reason: another trace stands for the turn, or no
split may have the sample.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from curation.policies import Policy
from curation.selection import Chosen, Excluded
from schemas.digest import canonical_json

POLICY = "policy.toml"
EXCLUDED = "excluded.jsonl"
SPLITS = "splits"
"""Stands for a rule where a sample is in no split."""
_LEAK = "it shares an image with a split that is held out further"


class Exclusions:
    """Writes down what is excluded, and counts it."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._counts: Counter[tuple[str, int]] = Counter({(each.name, each.line): 0 for each in policy.lines})
        self._folder: Path | None = None
        self._file: BinaryIO | None = None
        self._open = ExitStack()

    @contextmanager
    def beside(self, folder: Path) -> Iterator[None]:
        """Write into the folder for as long as the context."""
        self._folder = folder
        (folder / POLICY).write_text(self._policy.text, encoding="utf-8", newline="")
        with self._open:
            yield

    def add(self, chosen: Chosen, split: str | None) -> None:
        """Note what of a sample is not taken; all of it where it is in no split."""
        excluded = list(chosen.excluded)
        if split is None:
            excluded += [Excluded(one.made, SPLITS, 0, _LEAK) for one in chosen.taken]
        for each in excluded:
            self._counts[each.rule, each.line] += 1
            self._write(each, split)

    def _write(self, each: Excluded, split: str | None) -> None:
        assert self._folder is not None
        if self._file is None:
            self._file = self._open.enter_context((self._folder / EXCLUDED).open("wb"))
        line = {
            "line": each.line or None,
            "reason": each.reason,
            "rule": each.rule,
            "sample": each.made.sample_id,
            "split": split,
            "trace": each.made.id,
            "turn": each.made.turn,
        }
        self._file.write(canonical_json(line) + b"\n")

    def counts(self) -> dict[str, int]:
        """Return how many traces each rule excluded, by its name."""
        counts: Counter[str] = Counter()
        for (rule, _), count in self._counts.items():
            counts[rule] += count
        return {rule: count for rule, count in sorted(counts.items()) if count}

    def by_line(self) -> list[tuple[int, str, int]]:
        """Return how many traces each line excluded, in the order of the file; what is no line comes last."""
        by_line = sorted(self._counts.items(), key=lambda counted: (counted[0][1] or len(self._policy.text), counted))
        return [(line, rule, count) for (rule, line), count in by_line]
