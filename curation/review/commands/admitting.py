"""`review people`: who may come in."""

import getpass
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import BaseModel, Field

from curation.config import Report, Table, WorkspaceConfig
from curation.errors import UsageError
from curation.review import people
from curation.review.commands.opening import PEOPLE
from curation.review.people import Person

_Name = Annotated[str, Parameter(help="Name of the reviewer.")]


class PeopleConfig(WorkspaceConfig):
    """Flags of `review people`."""

    people: Path | None = Field(None, description="The file [default: people.toml of the workspace].")

    def file(self) -> Path:
        """Return the file that is meant."""
        return self.people or self.workspace / PEOPLE


class AddConfig(PeopleConfig):
    """Flags of `review people add`."""

    role: Literal["reviewer", "adjudicator", "admin"] = Field(
        "reviewer", description="What they may do: reviewer, adjudicator (settles disagreements) or admin."
    )
    email: str = Field("", description="Address that an OpenID provider knows them by; then no password is needed.")
    password_stdin: bool = Field(False, description="Read the password from standard input, and don't ask.")


class Listed(BaseModel):
    """Somebody who may come in."""

    name: str
    role: str
    email: str
    password: bool
    """Whether they have one."""


class PeopleReport(Report):
    """Who may come in."""

    file: Path
    people: list[Listed]

    def tables(self) -> list[Table]:
        """Return them by name."""
        rows = [(p.name, p.role, p.email, "yes" if p.password else "no") for p in self.people]
        return [Table(str(self.file), ("name", "role", "e-mail", "password"), rows)]

    def lines(self) -> list[str]:
        """Say so where there is nobody."""
        return [] if self.people else [f"{self.file} lets nobody in; `review people add NAME` adds somebody."]


def add(name: _Name, /, *, config: Annotated[AddConfig, Parameter(name="*")] = AddConfig()) -> PeopleReport:  # noqa: B008 - frozen
    """Let somebody in, or give them another password, role or address. Asks for the password, and keeps its hash."""
    people.add(config.file(), name, _password(config), role=config.role, email=config.email)
    return _report(config.file())


def _password(config: AddConfig) -> str:
    """Ask for a password, twice; nothing where an address stands for it."""
    if config.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if config.email:
        return ""
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to type a password: --password-stdin reads it, or give --email")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise UsageError("the two passwords differ; nothing was changed")
    return password


def list_(*, config: Annotated[PeopleConfig, Parameter(name="*")] = PeopleConfig()) -> PeopleReport:  # noqa: B008 - frozen
    """Say who may come in."""
    return _report(config.file())


def remove(name: _Name, /, *, config: Annotated[PeopleConfig, Parameter(name="*")] = PeopleConfig()) -> PeopleReport:  # noqa: B008 - frozen
    """Let somebody in no more; what they decided stays."""
    people.remove(config.file(), name)
    return _report(config.file())


def _report(file: Path) -> PeopleReport:
    return PeopleReport(file=file, people=[_listed(name, each) for name, each in people.read(file).persons.items()])


def _listed(name: str, person: Person) -> Listed:
    return Listed(name=name, role=person.role, email=person.email, password=bool(person.password))
