"""What a line of a policy may say about one trace, and how it is read."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, NamedTuple, get_args

from curation import finders, registry
from curation.difficulty import LABELS
from curation.errors import DataError
from curation.policies._statements import Statement
from curation.store.contenders import Contender, Finding
from schemas.issue import Severity
from schemas.review import StageVerdict, State
from schemas.trace import Provenance

Why = Callable[[Contender], str | None]
"""Says why a trace is excluded, None where it is not."""
_Fact = Callable[[Contender], str | None]
_Figure = Callable[[Contender], float | None]

UNASKED = State.PENDING.value
"""How a trace stands that no reviewer was asked about."""
_KINDS: tuple[str, ...] = get_args(Provenance.model_fields["kind"].annotation)


class Rule(NamedTuple):
    """A line that excludes a trace for what is known about it."""

    name: str
    line: int
    why: Why


def checked(statement: Statement) -> Why:
    """Exclude what no validator has looked at."""
    _only(statement, True)
    return lambda one: None if one.checked else "no validator has looked at it"


def rationalised(statement: Statement) -> Why:
    """Exclude what was written with the answer in view because no blind sample was right."""
    _only(statement, False)

    def why(one: Contender) -> str | None:
        sampling = one.made.sampling
        return "written with the answer in view" if sampling and sampling.rationalised else None

    return why


def severity_out(statement: Statement, allowed: Collection[str]) -> Why:
    """Exclude what has an open issue of a severity, but for codes that are allowed."""
    severities = _words(statement, tuple(Severity))
    return lambda one: _found(one, allowed, lambda finding: finding.severity in severities)


def code_out(statement: Statement, allowed: Collection[str]) -> Why:
    """Exclude what has an open issue with one of the codes, or of one of the validators."""
    codes = codes_of(statement)
    return lambda one: _found(one, allowed, lambda finding: finders.is_among(finding.code, codes))


def _found(one: Contender, allowed: Collection[str], wanted: Callable[[Finding], bool]) -> str | None:
    found = [each for each in one.findings if wanted(each) and not finders.is_among(each.code, allowed)]
    return ", ".join(f"{each.code} ({each.severity})" for each in found) or None


def codes_of(statement: Statement) -> tuple[str, ...]:
    """Return the codes that a line names. Raises UsageError where nobody finds such a thing."""
    codes = _words(statement)
    finders.check(codes)
    return codes


def _fact_in(fact: _Fact, noun: str, known: Collection[str] = ()) -> Callable[[Statement], Why]:
    """Return what reads a line that takes these values alone."""

    def read(statement: Statement) -> Why:
        values = _words(statement, known)

        def why(one: Contender) -> str | None:
            value = fact(one)
            return None if value in values else f"{noun} is {value}" if value is not None else f"it has no {noun}"

        return why

    return read


def _fact_out(fact: _Fact, noun: str, known: Collection[str] = ()) -> Callable[[Statement], Why]:
    """Return what reads a line that takes all but these values."""

    def read(statement: Statement) -> Why:
        values = _words(statement, known)

        def why(one: Contender) -> str | None:
            value = fact(one)
            return f"{noun} is {value}" if value in values else None

        return why

    return read


SIDES = {"in": _fact_in, "out": _fact_out}
"""What a line does with the values that it lists: takes them alone, or all but them."""


def at_least(figure: _Figure, noun: str) -> Callable[[Statement], Why]:
    """Return what reads a line that sets a lower bound; where nothing is known, nothing is excluded."""

    def read(statement: Statement) -> Why:
        bound = _number(statement)
        return lambda one: f"{noun} is {value:g}" if (value := figure(one)) is not None and value < bound else None

    return read


def at_most(figure: _Figure, noun: str) -> Callable[[Statement], Why]:
    """Return what reads a line that sets an upper bound; where nothing is known, nothing is excluded."""

    def read(statement: Statement) -> Why:
        bound = _number(statement)
        return lambda one: f"{noun} is {value:g}" if (value := figure(one)) is not None and value > bound else None

    return read


def label(name: str) -> _Fact:
    """Return the sample's label."""
    return lambda one: one.sample.labels.get(name)


FACTS: dict[str, tuple[_Fact, Sequence[str]]] = {
    "review": (lambda one: one.state or UNASKED, tuple(State)),
    "source": (lambda one: one.sample.source, ()),
    "split": (lambda one: one.sample.split, ()),
    "recipe": (lambda one: one.made.recipe, ()),
    "model": (lambda one: one.made.model, ()),
    "kind": (lambda one: one.made.kind, _KINDS),
}
"""What a line may take or leave by its value, and the values that there are, where they are known."""


def _labelled(name: str, one: Contender) -> float | None:
    return one.labels.get(name)


FIGURES: dict[str, _Figure] = {
    "difficulty.right": lambda one: one.agreement,
    **{f"difficulty.{name}": partial(_labelled, name) for name in LABELS},
    "judge.votes": lambda one: len(one.said),
    "judge.negative": lambda one: one.said.count(StageVerdict.NEGATIVE),
}
"""What a line may set bounds to."""


def _only(statement: Statement, value: bool) -> None:
    if statement.value is not value:
        raise DataError(f"{statement.name} is {str(value).lower()}, or is left out")


def _words(statement: Statement, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return the texts that a line lists. Raises DataError for anything else, and for a word that is not known."""
    value: Any = statement.value
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise DataError(f'{statement.name} is a list of texts, for instance ["…"]')
    for each in value:
        if known and each not in known:
            raise DataError(f"{statement.name}: there is no {each!r}; {registry.hint(each, [*map(str, known)])}")
    return tuple(value)


def _number(statement: Statement) -> float:
    if isinstance(statement.value, bool) or not isinstance(statement.value, int | float):
        raise DataError(f"{statement.name} is a number")
    return statement.value
