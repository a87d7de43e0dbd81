"""What a comparison with an evaluation set has to say."""

from collections.abc import Sequence

from pydantic import BaseModel

from curation.config import Table

NAME = "contamination"
WORDS = {
    "pair": "the same question about the same picture is in",
    "image": "the picture, with another question, is in",
    "question": "13 words of the question, or more, are in",
}
"""What is found, and how it is said."""
TOLD = 20
"""Faults of a set that are named."""


class Compared(BaseModel):
    """What was compared with, and what was found."""

    name: str
    path: str
    digest: str
    """Of the file, or of the files."""
    checked: int = 0
    """Traces that were compared now; none where all were before, and then the rows were not read."""
    rows: int = 0
    pictures: int = 0
    unusable: int = 0
    """Rows and images that can't be read,"""
    faults: tuple[str, ...] = ()
    """and a sentence for each of the first."""
    found: dict[str, int] = {}
    """Issues by code."""

    def lines(self) -> list[str]:
        """Return what is wrong with the set, or that there was nothing to do."""
        if not self.checked:
            return [f"Every trace was compared with {self.name} before."]
        more = self.unusable - len(self.faults)
        return [
            *(f"{self.name}: {fault}" for fault in self.faults),
            *([f"{self.name}: and {more:,} more rows or images that can't be used"] if more else []),
        ]


def table_of(compared: Sequence[Compared]) -> Table:
    """Return a row for each set."""
    codes = [f"{NAME}:{what}" for what in WORDS]
    rows = [
        (one.name, one.digest[7:19], one.rows, one.pictures, one.unusable, one.checked, *map(one.found.get, codes))
        for one in compared
    ]
    columns = ("set", "digest", "rows", "pictures", "unusable", "traces compared", *WORDS)
    return Table("compared with", columns, [["" if cell is None else cell for cell in row] for row in rows])
