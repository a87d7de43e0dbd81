"""The whole loop, offline: the bundled charts annotated, then scenes whose model shows what their faults cost."""

import shlex
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from pydantic import Field

from curation.config import Config as BaseConfig
from curation.config import Report, Table
from curation.demo.charts import ChartsReport, charts
from curation.demo.crowd import warm_up
from curation.demo.loop import FULL, QUICK, LoopReport, loop
from curation.errors import Exit


class Config(BaseConfig):
    """Flags of `demo`."""

    workspace: Path = Field(Path("demo"), description="Folder for the demo's records, releases and runs.")
    quick: bool = Field(
        False, description="Fewer scenes, arms and questions: minutes rather than a quarter of an hour."
    )
    data_only: bool = Field(False, description="Only the half that needs no PyTorch: annotate, validate, export.")


class DemoReport(Report):
    """What each half reported."""

    charts: ChartsReport
    loop: LoopReport | None
    """None where only the half without models was run."""
    quick: bool
    workspace: Path

    @property
    def exit_code(self) -> Exit:
        """0: that some turns fail is what the demo shows."""
        return Exit.DONE

    def tables(self) -> Sequence[Table]:
        """Return the tables of both halves."""
        return [*self.charts.tables(), *(self.loop.tables() if self.loop else ())]

    def lines(self) -> list[str]:
        """Return what was done, and how to do it by hand."""
        lines = list(self.charts.lines())
        if self.loop:
            lines += ["", *self.loop.lines()]
        elif not _has_torch():
            lines += ["", "For the half with models: pip install 'curation-workbench[train]', and run it again."]
        if self.loop and self.quick:
            lines.append("This was the quick form; `python -m curation demo` is the full one.")
        review = shlex.join(["python", "-m", "curation", "review", "--workspace", str(self.workspace)])
        return [*lines, "", f"Look at what it made, and decide what is good: {review}"]


def _has_torch() -> bool:
    return all(util.find_spec(name) for name in ("torch", "transformers"))


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> DemoReport:  # noqa: B008 - frozen
    """Annotate bundled charts and drawn scenes with a simulator that errs; train on the scenes; verify; probe.

    Everything is kept in the workspace: killed or stopped, the same command goes on, and a second run does nothing
    twice.
    """
    models = _has_torch() and not config.data_only
    if models:
        warm_up()
    first = charts(config.workspace)
    second = loop(config.workspace, QUICK if config.quick else FULL) if models else None
    return DemoReport(charts=first, loop=second, quick=config.quick, workspace=config.workspace)
