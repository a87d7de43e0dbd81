"""The verb `review` and what stands under it: opening the app, and everything that a script does at the desk."""

from collections.abc import Callable
from typing import Any

from cyclopts import App

from curation.review.commands import admitting, exchanging, figures, working
from curation.review.commands.opening import run

_Commands = dict[str, Callable[..., Any]]


def _app(name: str, help_: str, commands: _Commands) -> App:
    made = App(name=name, help=help_)
    for command, call in commands.items():
        made.command(call, name=command, help=_taught(call))
    return made


def _taught(call: Callable[..., Any]) -> str:
    """Return what the call says of itself, each paragraph in one line: the terminal breaks it."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (call.__doc__ or "").split("\n\n"))


_WORK: _Commands = {
    "next": working.next_,
    "decide": working.decide,
    "undo": working.undo,
    "bulk": working.bulk,
    "refresh": working.refresh,
    "agreement": figures.agreement,
    "batches": figures.batches,
    "send-back": figures.send_back,
}
_PEOPLE: _Commands = {"add": admitting.add, "list": admitting.list_, "remove": admitting.remove}

app = _app("review", _taught(run), _WORK)
app.default(run)
app.command(_app("people", "Who may review: names, roles, passwords.", _PEOPLE))
app.command(_app("export", "Hand records to another tool.", {"label-studio": exchanging.export}))
app.command(_app("import", "Take another tool's work over.", {"label-studio": exchanging.import_}))

__all__ = ["app", "run"]
