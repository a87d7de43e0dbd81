"""What a check found about a sample, a turn, a trace or an answer."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from schemas.digest import digest_json
from schemas.sample import Record
from schemas.trace import Stage


class Severity(StrEnum):
    """How much an issue matters: an error keeps a record out of a release, a warning asks for a look."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Issue(Record):
    """One finding. `id` is the digest of the rest, so that finding it again adds nothing, and is checked where given.

    `code` is `<validator>:<what>`, for instance `structure:missing` or `source:image-missing`. What it is about
    is named as closely as it can be: the sample, then the turn, then the trace or the call whose answer it is.
    """

    id: str = ""
    sample_id: str
    turn: int | None = None
    trace_id: str | None = None
    call_key: str | None = None
    code: str = Field(pattern=r"^[a-z0-9_-]+:[a-z0-9_-]+$")
    severity: Severity
    stage: Stage | None = None
    message: str
    """One sentence for a person."""
    evidence: str = ""
    """What was seen, quoted; at most a few hundred characters."""
    version: int = Field(1, ge=1)
    """Version of the validator that found it."""

    @property
    def validator(self) -> str:
        """Name of the validator or part that found it."""
        return self.code.split(":", 1)[0]

    @model_validator(mode="after")
    def _identify(self) -> Self:
        derived = digest_json(self.model_dump(mode="json", exclude={"id"}))
        if self.id and self.id != derived:
            raise ValueError(f"the id {self.id} does not belong to this content, whose digest is {derived}")
        object.__setattr__(self, "id", derived)
        return self
