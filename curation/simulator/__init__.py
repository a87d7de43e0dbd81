"""A local endpoint that speaks OpenAI's chat completions over HTTP, with seeded answers and seeded faults."""

from curation.simulator.endpoint import FINGERPRINT, Counts, Simulator
from curation.simulator.server import Config, Report, Running, run, serve
from curation.simulator.settings import Faults, Habits, Settings, Storm

__all__ = [
    "FINGERPRINT",
    "Config",
    "Counts",
    "Faults",
    "Habits",
    "Report",
    "Running",
    "Settings",
    "Simulator",
    "Storm",
    "run",
    "serve",
]
