"""What is taken, as the items of a release."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from curation.policies import Policy
from curation.selection import Chosen, Excluded
from curation.selection.reviews import Said
from curation.selection.said import reviews_of
from curation.selection.unanswered import Ends, direct, ends
from exports import Item, Rejected

_HELD = 200
"""Samples that are looked up together."""


class Wish(NamedTuple):
    """What a format holds besides taken traces."""

    questions: bool = False
    """Samples of validation and test that have no trace: what a model is tested on must not depend on a policy."""
    rejected: bool = False
    """Traces that were not taken, also those of samples of which none was."""
    compared: bool = False
    """Traces that were not taken, of the samples that are there anyway."""
    direct: bool = False
    """Questions whose traces failed."""


class Account(Protocol):
    """Who is told of every sample, in a split or in none."""

    def add(self, chosen: Chosen, split: str | None, said: Said) -> None:
        """Note it, with what people said of its traces."""


class Items:
    """The items of a selection."""

    def __init__(self, records: Connection, policy: Policy, wish: Wish, account: Account) -> None:
        self._records = records
        self._policy = policy
        self._wish = wish
        self._account = account

    def of(self, chosen: Iterable[Chosen], splits: Mapping[str, str]) -> Iterator[Item]:
        """Give an item for each sample of a split, by the samples' ids, of which the format holds something."""
        chosen = iter(chosen)
        while page := list(islice(chosen, _HELD)):
            ids = [one.sample.id for one in page]
            said = reviews_of(self._records, ids)
            ended: Ends = ends(self._records, ids) if self._wish.direct else {}
            for one in page:
                split = splits.get(one.sample.id)
                self._account.add(one, split, said)
                if split and (item := self._item(one, split, ended)):
                    yield item

    def _item(self, chosen: Chosen, split: str, ended: Ends) -> Item | None:
        wish, policy, sample = self._wish, self._policy, chosen.sample
        failed = direct(chosen, ended.get(sample.id, {}), policy) if wish.direct else {}
        excluded = chosen.excluded if wish.rejected or wish.compared else ()
        if not (chosen.taken or failed or (wish.rejected and excluded) or (wish.questions and split != "train")):
            return None
        errors = {} if policy.accepts else {one.made.id: one.errors for one in chosen.taken if one.errors}
        return Item(sample, chosen.traces, split, errors, tuple(map(_rejected, excluded)), direct=failed)


def _rejected(one: Excluded) -> Rejected:
    return Rejected(trace=one.made.trace, rule=one.rule, line=one.line, reason=one.reason, codes=one.codes)
