"""Plug-ins by folder: one file is one plug-in, its file name is its name, imported on first use.

A name may be written with dashes where the file has underscores. Files that begin with `_` are helpers.
"""

import difflib
from collections.abc import Collection
from functools import cache
from importlib import import_module, util
from pathlib import Path
from types import ModuleType

from curation.errors import UsageError

_KINDS = {"exports": "format", "curation.imports": "format"}
"""What the plug-ins of a package are called, where that is not its name without the s."""


@cache
def names(package: str) -> tuple[str, ...]:
    """Return the names of the plug-ins in the package, sorted, without importing them."""
    spec = util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"no package {package}")
    files = {file for folder in spec.submodule_search_locations for file in Path(folder).glob("*.py")}
    return tuple(sorted(file.stem.replace("_", "-") for file in files if not file.stem.startswith("_")))


@cache
def load(package: str, name: str) -> ModuleType:
    """Import the plug-in. Raises UsageError, with the nearest known name, for a name that isn't there."""
    known = names(package)
    if name.replace("_", "-") not in known:
        kind = _KINDS.get(package, package.rsplit(".", 1)[-1].removesuffix("s"))
        raise UsageError(f"no {kind} named {name!r}; {hint(name, known)}")
    return import_module(f"{package}.{name.replace('-', '_')}")


def hint(name: str, known: Collection[str]) -> str:
    """Return what to say of a name that is not known: the nearest that is, or all of them."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
