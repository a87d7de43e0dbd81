"""Slices of the queue: what a reviewer has chosen to look at, as filters that fit into a URL."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from curation.errors import UsageError, first_fault
from schemas.review import Duty, State
from schemas.trace import Stage

Worst = Literal["error", "warning", "info", "none"]
"""The severity of a trace's gravest open issue; `none` where no issue is open."""


class Slice(BaseModel):
    """Filters that all have to hold; within one, any of its values. An empty one lets everything through."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    recipe: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    """Codes of open issues of the trace."""
    stage: tuple[Stage, ...] = ()
    """Stages that an open issue names."""
    severity: tuple[Worst, ...] = ()
    state: tuple[State, ...] = ()
    needs: tuple[Duty, ...] = ()
    reviewer: tuple[str, ...] = ()
    """Who decided on the trace."""
    flagged: bool = False
    text: str = ""
    """Words that the question or a stage holds, all of them."""

    @classmethod
    def from_query(cls, query: Mapping[str, Sequence[str]]) -> Self:
        """Read the parameters of a URL: `code=answer:wrong&state=pending&state=stale`; others are left alone.

        Raises UsageError that names a value which is none.
        """
        found: dict[str, Any] = {}
        for name, values in query.items():
            if name in cls.model_fields and any(values):
                single = name in {"text", "flagged"}
                found[name] = values[-1] if single else tuple(value for value in values if value)
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            raise UsageError(first_fault(error)) from None

    def to_query(self) -> dict[str, list[str]]:
        """Return the parameters of a URL that shows this slice."""
        query = {name: list(map(str, value)) for name, value in self if isinstance(value, tuple) and value}
        if self.flagged:
            query["flagged"] = ["true"]
        return query | ({"text": [self.text]} if self.text else {})
