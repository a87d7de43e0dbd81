"""What people said of the traces that a policy decides on, written beside a release's data: see `curation.opinions`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from curation.opinions import REVIEWS, Opinion, Spoken, Tally
from curation.selection import Chosen
from curation.store.contenders import Made
from schemas.review import Act, Duty, Event, State

Said = Mapping[str, Sequence[Event]]
"""Decisions that count, in their order, by the trace that was looked at."""


class Reviews:
    """Writes down what people said, and counts it."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._folder: Path | None = None
        self._file: BinaryIO | None = None
        self._open = ExitStack()

    @contextmanager
    def beside(self, folder: Path) -> Iterator[None]:
        """Write into the folder for as long as the context."""
        self._folder = folder
        with self._open:
            yield

    def add(self, chosen: Chosen, split: str | None, said: Said) -> None:
        """Note what was said of the traces of a sample."""
        taken = {one.made.id for one in chosen.taken}
        states = {one.made.id: one.state for one in chosen.standing}
        mades = [*(one.made for one in chosen.taken), *(one.made for one in chosen.excluded)]
        for made in sorted(mades, key=lambda made: made.turn):
            state = states.get(made.id)
            self._add(_opinion(made, split, state, said.get(made.id, ()), taken=made.id in taken))

    def _add(self, opinion: Opinion) -> None:
        if opinion.says:
            self.tally.add(opinion)
            assert self._folder is not None
            if self._file is None:
                self._file = self._open.enter_context((self._folder / REVIEWS).open("wb"))
            self._file.write(opinion.line)


def _opinion(made: Made, split: str | None, state: str | None, said: Sequence[Event], *, taken: bool) -> Opinion:
    reviews = tuple(_spoken(event) for event in said if event.review and event.review.trace_id == made.id)
    return Opinion(
        sample=made.sample_id,
        turn=made.turn,
        trace=made.id,
        split=split,
        taken=taken,
        state=State(state) if state else None,
        reviews=reviews,
    )


def _spoken(event: Event) -> Spoken:
    """Return what was said, and not by whom; the known answer of a check is a ruling."""
    assert event.review is not None
    duty = Duty.ADJUDICATION if event.act is Act.GOLD else event.review.duty
    return Spoken(decision=event.review.decision, duty=duty, verdicts=event.review.verdicts)
