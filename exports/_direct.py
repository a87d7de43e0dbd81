"""Questions whose traces failed, to be trained on with the answer alone."""

from collections.abc import Iterator
from typing import Any

from exports import Item
from exports._trace_rows import ASKED, HISTORY, OF_SAMPLE, RECORD, TEXT, Columns, as_record, asked

COLUMNS: Columns = [*ASKED, *HISTORY, ("reason", TEXT), *OF_SAMPLE, *RECORD]


def rows(item: Item) -> Iterator[dict[str, Any]]:
    """Give a row, without the images, for each turn that has an answer and no trace."""
    for number, (turn, reason) in enumerate(sorted(item.direct.items())):
        record = as_record({} if number else {"sample": item.sample})
        yield asked(item, turn) | {"id": f"{item.sample.id}#{turn}", "reason": reason, "record": record}
