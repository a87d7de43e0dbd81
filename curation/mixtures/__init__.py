"""Mixtures: how many rows of which source. A mixture is a small TOML file, of this folder or of the user.

[rows]
chartqa = 17_200
clevr = 500
"""

import tomllib
from pathlib import Path
from typing import Self

from pydantic import PositiveInt, ValidationError, model_validator

from curation import registry, sources
from curation.errors import DataError, UsageError, first_fault
from schemas.sample import Record

_FOLDER = Path(__file__).parent
_FORM = "write [rows], and under it a line for each source, such as chartqa = 500"


class Mixture(Record):
    """Rows of each source; with a limit, their proportions."""

    rows: dict[str, PositiveInt]

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.rows:
            raise ValueError("it names no source")
        for name in self.rows:
            sources.get(name)
        return self

    def shares(self, limit: int | None) -> dict[str, int]:
        """Return how many rows to take of each source: all, or `limit` in all by the largest remainders."""
        whole = sum(self.rows.values())
        if limit is None:
            return dict(self.rows)
        exact = {name: limit * count / whole for name, count in self.rows.items()}
        shares = {name: int(share) for name, share in exact.items()}
        by_remainder = sorted(exact, key=lambda name: shares[name] - exact[name])
        for name in by_remainder[: limit - sum(shares.values())]:
            shares[name] += 1
        return shares


def names() -> list[str]:
    """Return the names of the mixtures that come with this program."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def get(name: str) -> Mixture:
    """Return the mixture of that name, or in that file.

    Raises UsageError for an unknown name, DataError where the file is no mixture.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = _FOLDER / f"{name}.toml"
        if name not in names():
            raise UsageError(f"no mixture {name!r}, and no .toml file; {registry.hint(name, names())}")
    try:
        return Mixture.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"the mixture {path} can't be read: {error.strerror}") from error
    except ValidationError as error:
        raise DataError(f"{path} is no mixture: {first_fault(error)}; {_FORM}") from error
    except ValueError as error:
        raise DataError(f"{path} is no mixture: {error}; {_FORM}") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
