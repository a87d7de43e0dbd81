"""How the simulator behaves: its pace, its limits, and how often it does what endpoints do wrong."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Self

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from curation.errors import UsageError


class Faults(BaseModel):
    """Rate of each fault, 0 to 1 per request; together at most 1, because a request gets one fault or none.

    Only these are billed: drop, slow, torn and whatever is answered with a completion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate_limit: float = Field(0.0, ge=0, le=1, description="429 with Retry-After and x-ratelimit headers.")
    server_error: float = Field(0.0, ge=0, le=1, description="500, 502 or 503.")
    drop: float = Field(0.0, ge=0, le=1, description="The connection closes with no answer; the work is billed.")
    slow: float = Field(0.0, ge=0, le=1, description="The answer comes after slow_seconds.")
    torn: float = Field(0.0, ge=0, le=1, description="200 whose JSON ends in the middle.")
    null_content: float = Field(0.0, ge=0, le=1, description="A finished message without content.")
    refusal: float = Field(0.0, ge=0, le=1, description="message.refusal in place of content.")
    cut_off: float = Field(0.0, ge=0, le=1, description='Content cut in the middle, finish_reason "length".')
    filtered: float = Field(0.0, ge=0, le=1, description='No content or a part, "content_filter".')
    bad_request: float = Field(0.0, ge=0, le=1, description="400 with code content_policy_violation.")
    missing_tag: float = Field(0.0, ge=0, le=1, description="A stage or its closing tag is left out.")
    doubled_tag: float = Field(0.0, ge=0, le=1, description="A stage comes twice, or holds another's tags.")
    wrong_conclusion: float = Field(0.0, ge=0, le=1, description="The conclusion is not the standard answer.")
    leak: float = Field(0.0, ge=0, le=1, description="The reasoning speaks of the given standard answer.")

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if (total := sum(rate for _, rate in self.rates)) > 1 + 1e-9:
            raise ValueError(f"the rates add up to {total:g}; a request gets at most one fault, so at most to 1")
        return self

    @classmethod
    def every(cls, total: float) -> Self:
        """Spread `total` evenly over all kinds."""
        return cls(**dict.fromkeys(cls.model_fields, total / len(cls.model_fields)))

    @classmethod
    def from_flags(cls, flags: Iterable[str]) -> Self:
        """Read `NAME=RATE` texts; `all=RATE` spreads a rate over every kind, a later text has the last word.

        Raises UsageError for an unknown name, a rate that is none, or rates of more than 1 together.
        """
        rates: dict[str, float] = {}
        for flag in flags:
            name, rate = cls._read_flag(flag)
            rates |= dict(cls.every(rate).rates) if name == "all" else {name: rate}
        try:
            return cls(**rates)
        except ValueError as error:
            total = sum(rates.values())
            raise UsageError(f"the --fault rates add up to {total:g}; together they may be at most 1") from error

    @classmethod
    def _read_flag(cls, flag: str) -> tuple[str, float]:
        name, _, text = flag.partition("=")
        name = name.strip().replace("-", "_")
        known = [*cls.model_fields, "all"]
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            raise UsageError(f"--fault {flag}: no fault named {name!r}; {hint}")
        try:
            rate = float(text)
        except ValueError:
            rate = -1
        if not 0 <= rate <= 1:
            raise UsageError(f"--fault {flag}: write NAME=RATE with a rate from 0 to 1, for instance {name}=0.1")
        return name, rate

    @property
    def rates(self) -> list[tuple[str, float]]:
        """The kinds with their rates, in the order of the fields."""
        return [(kind, getattr(self, kind)) for kind in type(self).model_fields]

    def draw(self, chance: float) -> str | None:
        """Return the kind that a uniform number in [0, 1) falls on, None where it falls on no fault."""
        for kind, rate in self.rates:
            if chance < rate:
                return kind
            chance -= rate
        return None


class Storm(BaseModel):
    """A window in which every request is turned away with 429, in seconds since the first request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: float = Field(ge=0)
    duration: float = Field(gt=0)

    @classmethod
    def from_flag(cls, flag: str) -> Self:
        """Read `START:SECONDS`. Raises UsageError for anything else."""
        start, _, duration = flag.partition(":")
        try:
            return cls.model_validate({"start": start, "duration": duration})
        except ValueError as error:
            raise UsageError(f"--storm {flag}: write START:SECONDS, for instance 5:10") from error


class Conduct(BaseModel):
    """The settings that are plain values: flags of the verb, and fields of `Settings`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(0, description="Seed of every draw: the same request gets the same answers in the same order.")
    latency: float = Field(0.0, ge=0, description="Seconds that an answer takes.")
    jitter: float = Field(0.0, ge=0, description="Seconds by which the latency varies, up or down.")
    slow_seconds: float = Field(30.0, ge=0, description="Seconds that the fault slow adds to an answer.")
    retry_after: float = Field(0.5, ge=0, description="Seconds that the fault rate_limit asks a client to wait.")
    rpm: int | None = Field(
        None,
        gt=0,
        description="Requests per minute; above it 429 with the wait that is due. A burst of as many passes.",
    )
    api_key: str | None = Field(None, repr=False, description="The only key that is let in; others get 401.")
    schemas: Annotated[bool, Parameter(negative="--no-schemas")] = Field(
        True, description="Accept response_format json_schema; without, it gets 400."
    )
    html: bool = Field(False, description="Answer everything with a web page, as a wrong base URL does.")
    log: Path | None = Field(None, description="File to which one JSON line is added for each request.")


class Settings(Conduct):
    """All that a simulator's behaviour depends on."""

    faults: Faults = Faults()
    storms: tuple[Storm, ...] = ()
