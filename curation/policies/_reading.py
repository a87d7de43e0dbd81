"""The lines of a policy: what each may be called, and what it says."""

from collections.abc import Callable, Iterator
from itertools import zip_longest
from math import inf
from typing import Any

from curation import mixtures, registry
from curation.errors import DataError, UsageError
from curation.policies import _rules
from curation.policies._caps import Cap, Group
from curation.policies._rules import Rule, Why
from curation.policies._statements import Statement
from curation.store.contenders import Contender, Wanted
from curation.strata import answer_of, question_type
from schemas.issue import Severity
from schemas.review import State

_ACCEPTED = frozenset({State.ACCEPTED.value, State.EDITED.value})


class Lines:
    """What the lines of a policy say. Raises DataError with the line for one that says nothing."""

    def __init__(self, statements: list[Statement]) -> None:
        self.rules: list[Rule] = []
        self.caps: list[Cap] = []
        self.shares: dict[str, float] = {}
        self.mixed: int | None = None
        """The first line that says something about the mixture."""
        self.keep_rejected = False
        self.statements = {each.name: each for each in statements}
        self.allowed: tuple[str, ...] = ()
        if allowed := self.statements.get("code.allow"):
            _at_its_line(self._allow, allowed)
        for statement in statements:
            _at_its_line(self._read, statement)

    def _allow(self, statement: Statement) -> None:
        self.allowed = _rules.codes_of(statement)

    def _read(self, statement: Statement) -> None:
        match statement.path:
            case ("keep_rejected",):
                self.keep_rejected = _flag(statement)
            case ("code", "allow"):
                pass
            case ("mixture", *source):
                self.mixed = self.mixed or statement.line
                self.shares |= _shares(statement, source)
            case ("cap", *kind):
                self.caps.append(Cap(statement.name, statement.line, _count(statement), _group(statement, kind)))
            case _:
                self.rules.append(Rule(statement.name, statement.line, self._why(statement)))

    def _why(self, statement: Statement) -> Why:
        match statement.path:
            case ("severity", "out"):
                return _rules.severity_out(statement, self.allowed)
            case ("code", "out"):
                return _rules.code_out(statement, self.allowed)
            case ("label", name, "in" | "out" as side):
                return _rules.SIDES[side](_rules.label(name), f"label {name}")(statement)
        if (reader := _READERS.get(statement.name)) is None:
            raise _unknown(statement)
        return reader(statement)

    def wanted(self) -> Wanted:
        """Return what has to be looked up for these lines."""
        severities = self.statements.get("severity.out")
        minor = severities is not None and set(severities.value) != {Severity.ERROR.value}
        return Wanted(
            all_issues=minor or "code.out" in self.statements,
            verdicts=any(name.startswith("judge.") for name in self.statements),
            labels=any(name.startswith("difficulty.") for name in self.statements),
        )

    def accepts(self) -> bool:
        """Tell whether only what a person accepted can pass."""
        states = self.statements.get("review.in")
        return states is not None and _ACCEPTED.issuperset(states.value)


def _at_its_line(read: Callable[[Statement], None], statement: Statement) -> None:
    try:
        read(statement)
    except (DataError, UsageError) as error:
        raise DataError(f"line {statement.line}: {error}") from error


def _unknown(statement: Statement) -> DataError:
    known = [_like(name, statement.path) for name in _KNOWN]
    return DataError(f"nothing is called {statement.name!r}; {registry.hint(statement.name, known)}")


def _like(name: str, path: tuple[str, ...]) -> str:
    """Put the user's own words in the places of a known name that are free."""
    return ".".join(own if own and part == "NAME" else part for part, own in zip_longest(name.split("."), path) if part)


def _flag(statement: Statement) -> bool:
    if not isinstance(statement.value, bool):
        raise DataError(f"{statement.name} is true or false")
    return statement.value


def _count(statement: Statement) -> int:
    value: Any = statement.value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise DataError(f"{statement.name} is a whole number from 1")
    return value


def _group(statement: Statement, kind: list[str]) -> Group:
    match kind:
        case ["source", name]:
            return lambda one: name if one.sample.source == name else None
        case ["label", name]:
            return lambda one: _of_source(one, one.sample.labels.get(name))
        case [name] if name in _GROUPS:
            return _GROUPS[name]
    raise _unknown(statement)


def _of_source(one: Contender, value: str | None) -> str | None:
    return None if value is None else f"{one.sample.source} {value}"


_GROUPS: dict[str, Group] = {
    "source": lambda one: one.sample.source,
    "image": lambda one: " ".join(image.digest for image in one.sample.images) or None,
    "question-type": lambda one: _of_source(one, question_type(one.sample.turns[one.made.turn])),
    "answer": lambda one: _of_source(one, answer_of(one.sample.turns[one.made.turn])),
}


def _shares(statement: Statement, source: list[str]) -> dict[str, float]:
    """Read a share, or all of a mixture that is named."""
    value: Any = statement.value
    match source:
        case []:
            return {name: float(rows) for name, rows in mixtures.get(str(value)).rows.items()}
        case [name] if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < inf:
            return {name: float(value)}
    raise DataError(f"{statement.name} is a number above 0, in shares of any unit")


def _readers() -> Iterator[tuple[str, Callable[[Statement], Why]]]:
    yield "checked", _rules.checked
    yield "rationalised", _rules.rationalised
    for name, (fact, known) in _rules.FACTS.items():
        for side, read in _rules.SIDES.items():
            yield f"{name}.{side}", read(fact, name, known)
    for name, figure in _rules.FIGURES.items():
        yield f"{name}.min", _rules.at_least(figure, name)
        yield f"{name}.max", _rules.at_most(figure, name)


_READERS = dict(_readers())
_KNOWN = (
    *_READERS,
    "severity.out",
    "code.out",
    "code.allow",
    "label.NAME.in",
    "label.NAME.out",
    *(f"cap.{name}" for name in _GROUPS),
    "cap.source.NAME",
    "cap.label.NAME",
    "mixture",
    "mixture.NAME",
    "keep_rejected",
)
