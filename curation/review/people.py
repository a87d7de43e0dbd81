"""Who may review: a TOML file with names, roles, and either a password's hash or an e-mail address.

[reviewers.ada]
role = "adjudicator"
email = "ada@example.org"
password = "scrypt$32768$8$3$…$…"
"""

import json
import re
import secrets
import tomllib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import scrypt
from hmac import compare_digest
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from curation.errors import DataError, MissingError, UsageError, first_fault
from curation.review.deeds import Reviewer

_NAME = re.compile(r"[\w][\w.@-]{0,63}")
_COST, _BLOCK, _LANES = 32_768, 8, 3
"""32 MiB and some tenths of a second: one of the equivalent settings of OWASP's Password Storage Cheat Sheet (2023)."""
_LONGEST = 1_024
"""Characters of a password."""


class Person(BaseModel):
    """One who may review."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["reviewer", "adjudicator", "admin"] = "reviewer"
    email: str = ""
    """As the OpenID provider gives it; empty for those who come with a password."""
    password: str = ""
    """The hash of the password; empty for those who come through the provider."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reviewers: dict[str, Person] = {}


class People:
    """Those who may review, by name."""

    def __init__(self, persons: Mapping[str, Person]) -> None:
        self.persons = dict(persons)

    def reviewer(self, name: str) -> Reviewer | None:
        """Return the reviewer of that name, None where there is none."""
        person = self.persons.get(name)
        return Reviewer(name, person.role) if person else None

    def verify(self, name: str, password: str) -> Reviewer | None:
        """Return the reviewer with that name and password, None where they don't belong together.

        A name that nobody has takes as long as one that somebody has.
        """
        person = self.persons.get(name)
        right = matches(password, (person.password if person else "") or _NOBODY)
        return self.reviewer(name) if right and person and person.password else None

    def by_email(self, email: str) -> Reviewer | None:
        """Return the reviewer with that e-mail address, in any case of its letters."""
        wanted = email.strip().casefold()
        names = (name for name, person in self.persons.items() if wanted and person.email.casefold() == wanted)
        return next((Reviewer(name, self.persons[name].role) for name in names), None)


def read(path: Path) -> People:
    """Read the file. Raises MissingError where it is not there, DataError where it is not what it should be."""
    try:
        persons = _File.model_validate(tomllib.loads(path.read_text("utf-8"))).reviewers
    except FileNotFoundError:
        raise MissingError(f"there is no {path}; `review people add NAME` makes one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} can't be read: {error}") from error
    except ValidationError as error:
        raise DataError(f"{path}: {first_fault(error)}") from None
    for name in persons:
        _check(name)
    return People(persons)


def add(path: Path, name: str, password: str = "", *, role: str = "reviewer", email: str = "") -> Person:
    """Add somebody to the file, or give them another password, role or address; makes the file where there is none.

    Raises UsageError for a name or a role that can't be, and where there is neither a password nor an address.
    """
    _check(name)
    if not (password or email):
        raise UsageError(f"{name} needs a password, or an e-mail address that the OpenID provider knows")
    persons = read(path).persons if path.exists() else {}
    try:
        person = Person.model_validate({"role": role, "email": email, "password": hashed(password) if password else ""})
    except ValidationError:
        raise UsageError(f"{role} is no role: reviewer, adjudicator or admin") from None
    _write(path, persons | {name: person})
    return person


def remove(path: Path, name: str) -> None:
    """Take somebody out of the file. Raises UsageError where they are not in it."""
    persons = read(path).persons
    if name not in persons:
        raise UsageError(f"{path} names nobody {name}")
    _write(path, {other: person for other, person in persons.items() if other != name})


def hashed(password: str) -> str:
    """Return a password's hash, with all that is needed to check it: `scrypt$cost$block$lanes$salt$digest`."""
    if len(password) > _LONGEST:
        raise UsageError(f"a password has at most {_LONGEST:,} characters")
    salt = secrets.token_bytes(16)
    digest = _derive(password, salt, _COST, _BLOCK, _LANES)
    return "$".join(
        ["scrypt", str(_COST), str(_BLOCK), str(_LANES), *(b64encode(part).decode() for part in (salt, digest))]
    )


def matches(password: str, stored: str) -> bool:
    """Tell whether the hash is the password's; False for anything that is no hash."""
    try:
        kind, cost, block, lanes, salt, digest = stored.split("$")
        if kind != "scrypt" or len(password) > _LONGEST:
            return False
        derived = _derive(password, b64decode(salt, validate=True), int(cost), int(block), int(lanes))
        return compare_digest(derived, b64decode(digest, validate=True))
    except ValueError:
        return False


def _derive(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    room = 2 * 128 * block * (cost + lanes)
    secret = password.encode("utf-8", "surrogatepass")
    return scrypt(secret, salt=salt, n=cost, r=block, p=lanes, maxmem=room, dklen=32)


_NOBODY = "$".join(
    ["scrypt", str(_COST), str(_BLOCK), str(_LANES), b64encode(bytes(16)).decode(), b64encode(bytes(32)).decode()]
)


def _check(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a reviewer: letters, digits and . _ @ -, at most 64")


def _write(path: Path, persons: Mapping[str, Person]) -> None:
    """Write the file for its owner alone. A reader never sees half of it."""
    lines = ["# Who may review; `review people add NAME` adds to it.\n"]
    for name, person in persons.items():
        lines.append(f"[reviewers.{_quoted(name)}]\n")
        lines += [f"{field} = {_quoted(value)}\n" for field, value in person if value]
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(mode=0o600)
        partial.write_text("".join(lines), "utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DataError(f"{path} can't be written: {error.strerror}") from error


def _quoted(text: str) -> str:
    """Return a basic string of TOML, which escapes as JSON does, and DEL too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
