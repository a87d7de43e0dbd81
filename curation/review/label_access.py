"""How a Label Studio is reached."""

import os
from typing import NamedTuple, Self

from pydantic import SecretStr

from curation.errors import MissingError, UsageError


class Server(NamedTuple):
    """Where a Label Studio is, whose key opens it, and the name of our project there."""

    url: str
    key: SecretStr
    """A personal access token, or a legacy token where the server takes those."""
    project: str = "curation"

    @classmethod
    def from_environment(cls, project: str = "curation") -> Self:
        """Read LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY. Raises MissingError where one is not set."""
        names = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
        if missing := [name for name in names if not os.environ.get(name)]:
            raise MissingError(
                f"set {' and '.join(missing)} to the address of Label Studio and your access token there"
            )
        url, key = (os.environ[name].strip() for name in names)
        if not url.startswith(("http://", "https://")):
            raise UsageError("LABEL_STUDIO_URL begins with http:// or https://")
        return cls(url.rstrip("/"), SecretStr(key), project)
