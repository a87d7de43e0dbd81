"""How the simulator behaves: its pace, its limits, and how often it does what endpoints do wrong."""

import difflib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Self

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from curation.errors import UsageError


class _Rates(BaseModel):
    """Named rates from 0 to 1, one field for each kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def rates(self) -> list[tuple[str, float]]:
        """The kinds with their rates, in the order of the fields."""
        return [(kind, getattr(self, kind)) for kind in type(self).model_fields]


def _read_rate(option: str, flag: str, kinds: Collection[str]) -> tuple[str, float]:
    """Read `NAME=RATE`, given as `--option`. Raises UsageError for a name that isn't there or a rate that is none."""
    name, _, text = flag.partition("=")
    name = name.strip().replace("-", "_")
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(kinds)}"
        raise UsageError(f"--{option} {flag}: no {option} named {name!r}; {hint}")
    try:
        rate = float(text)
    except ValueError:
        rate = -1
    if not 0 <= rate <= 1:
        raise UsageError(f"--{option} {flag}: write NAME=RATE with a rate from 0 to 1, for instance {name}=0.1")
    return name, rate


class Faults(_Rates):
    """Rate of each fault, 0 to 1 per request; together at most 1, because a request gets one fault or none.

    Only these are billed: drop, slow, torn and whatever is answered with a completion. Before an image that is no
    scene, wrong_caption and wrong_reasoning do what wrong_conclusion does: all texts speak for a wrong answer.
    """

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
    wrong_caption: float = Field(0.0, ge=0, le=1, description="A scene is seen wrongly; the rest follows from it.")
    wrong_reasoning: float = Field(0.0, ge=0, le=1, description="Objects are lost or invented after the caption.")
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
            name, rate = _read_rate("fault", flag, [*cls.model_fields, "all"])
            rates |= dict(cls.every(rate).rates) if name == "all" else {name: rate}
        try:
            return cls(**rates)
        except ValueError as error:
            total = sum(rates.values())
            raise UsageError(f"the --fault rates add up to {total:g}; together they may be at most 1") from error

    def draw(self, chance: float) -> str | None:
        """Return the kind that a uniform number in [0, 1) falls on, None where it falls on no fault."""
        for kind, rate in self.rates:
            if chance < rate:
                return kind
            chance -= rate
        return None


class Habits(_Rates):
    """Share of the scenes, of those where it applies, in which the teacher has a habit; 0 to 1, each by itself.

    Which scenes these are depends on the seed and the scene, not on the request: asking again gives the same error.
    A habit makes no outcome of its own: the answer counts as `ok`.
    """

    confuse_colours: float = Field(0.0, ge=0, le=1, description="Green is taken for blue.")
    miscount: float = Field(0.0, ge=0, le=1, description="Of two or more objects to count, the last is left out.")
    drop_object: float = Field(0.0, ge=0, le=1, description="Of four or more objects, the last is overlooked.")

    @classmethod
    def from_flags(cls, flags: Iterable[str]) -> Self:
        """Read `NAME=RATE` texts, a later one has the last word. Raises UsageError as `Faults.from_flags` does."""
        return cls(**dict(_read_rate("habit", flag, cls.model_fields) for flag in flags))


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
    heeds: float = Field(
        0.9, ge=0, le=1, description="Chance that a request which tells what a check found is answered without habits."
    )
    misjudges: float = Field(
        0.1, ge=0, le=1, description="Chance that what is said of a stage is wrong, where a trace is to be judged."
    )
    log: Path | None = Field(None, description="File to which one JSON line is added for each request.")


class Settings(Conduct):
    """All that a simulator's behaviour depends on."""

    faults: Faults = Faults()
    habits: Habits = Habits()
    storms: tuple[Storm, ...] = ()
