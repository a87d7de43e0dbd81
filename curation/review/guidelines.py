"""What reviewers go by: our text, or the workspace's own `guidelines.md`."""

from importlib import resources
from pathlib import Path
from typing import NamedTuple

from curation.errors import DataError
from schemas.digest import digest_json

NAME = "guidelines.md"
"""The file of a workspace that replaces our text."""


class Guidelines(NamedTuple):
    """The text that stands beside each record."""

    text: str
    version: str
    """Digest of the text; each decision names the one that it was made under."""


def guidelines(workspace: Path) -> Guidelines:
    """Read the workspace's guidelines, or ours where it has none.

    Raises DataError for a file that is no text.
    """
    own = workspace / NAME
    try:
        text = (
            own.read_text("utf-8") if own.exists() else resources.files(__package__).joinpath(NAME).read_text("utf-8")
        )
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{own} can't be read as text: {error}") from error
    return Guidelines(text, digest_json(text))
