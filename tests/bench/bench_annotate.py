"""What `annotate` costs beside the loop that a user would write with the openai client.

    python tests/bench/bench_annotate.py [--rows 2000] [--latency 0 0.3] [--in-flight 64 256] [--repeat 3]
                                         [--clients ours bare bare-aiohttp] [--image-kb 100] [--stub SOURCE]

`ours` is the whole verb: rows and images read and stored, ledger, raw answers, parsing, checks. `bare` reads each
image, encodes it, asks, and keeps the text in a list; `bare-aiohttp` is the same over aiohttp. The clients take turns,
each in a fresh process; the best of the repeats counts.

Prints for each latency and number of requests in flight: wall time beside rows x latency / in flight, CPU seconds of
the client for 1,000 requests (without imports, and of the whole process), the peak of its resident memory, by how much
the repeats differed, and the ratios of `ours` to `bare`.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import harness

from curation import recipes, sources
from curation.images import LoadedImage
from curation.recipes import Task

Runs = dict[str, list[dict[str, Any]]]
HEAD = (
    "latency s", "in flight", "client", "wall s", "ideal s", "CPU s / 1,000", "with imports", "peak MB", "spread of CPU"
)  # fmt: skip


def write_prompts(data: Path, path: Path) -> None:
    """Write the prompts of the recipe `paper` over the rows, so that every client asks the same."""
    source, recipe = sources.get("chartqa"), recipes.get("paper")
    prompts = []
    for row in source.rows(data, "test"):
        images = tuple(image for image in row.images if isinstance(image, LoadedImage))
        sample, _ = source.to_sample(row)
        assert sample is not None
        prompt = recipe.prompt(Task(sample, 0, images), "schema")
        image = data / "test" / "png" / row.fields["imgname"]
        prompts.append({"user": prompt.user, "image": str(image)})
    schema = {"name": prompt.schema["title"], "strict": True, "schema": prompt.schema}
    asked = {"system": prompt.system, "prompts": prompts}
    path.write_text(json.dumps(asked | {"response_format": {"type": "json_schema", "json_schema": schema}}))


def run_one(client: str, url: str, folder: Path, in_flight: int) -> dict[str, Any]:
    """Run a client once."""
    if client == "ours":
        return harness.measure_annotate(url, folder / "data", folder / "workspace", in_flight)
    transport = "aiohttp" if client == "bare-aiohttp" else "httpx"
    return harness.run_client("client_bare.py", url, str(folder / "prompts.json"), str(in_flight), transport)


def run_all(options: argparse.Namespace, folder: Path, latency: float, in_flight: int) -> Runs:
    """Let the clients take turns."""
    runs: Runs = {client: [] for client in options.clients}
    with harness.server(options.stub, folder, latency) as url:
        for _ in range(options.repeat):
            for client, measured in runs.items():
                measured.append(run_one(client, url, folder, in_flight))
                if measured[-1]["done"] != options.rows:
                    sys.exit(f"{client} finished {measured[-1]['done']} of {options.rows} rows")
    return runs


def show(options: argparse.Namespace, latency: float, in_flight: int, runs: Runs) -> None:
    """Print the best of each client, and the ratios."""
    ideal, thousands = options.rows * latency / in_flight, options.rows / 1000
    best = {client: {key: min(run[key] for run in some) for key in _FIGURES} for client, some in runs.items()}
    table = []
    for client, figures in best.items():
        spread = max(run["cpu"] for run in runs[client]) / figures["cpu"] - 1
        cpu = f"{figures['cpu'] / thousands:.2f}", f"{figures['whole_cpu'] / thousands:.2f}"
        sizes = f"{figures['peak'] / 1e6:.0f}", f"{spread:.0%}"
        table.append((latency, in_flight, client, f"{figures['wall']:.2f}", f"{ideal:.2f}", *cpu, *sizes))
    harness.show(HEAD, table)
    if {"ours", "bare"} <= best.keys():
        ratios = ", ".join(f"{key} {best['ours'][key] / best['bare'][key]:.2f}" for key in _FIGURES)
        print(f"ours / bare: {ratios}\n", flush=True)


_FIGURES = ("wall", "whole_wall", "cpu", "whole_cpu", "peak")


def main() -> None:
    """Measure every combination."""
    arguments = harness.parser(__doc__)
    arguments.add_argument("--rows", type=int, default=2000)
    arguments.add_argument("--latency", type=float, nargs="+", default=[0.0, 0.3])
    arguments.add_argument("--in-flight", type=int, nargs="+", default=[64, 256])
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--clients", nargs="+", default=["ours", "bare", "bare-aiohttp"])
    arguments.add_argument("--image-kb", type=int, default=100)
    options = arguments.parse_args()
    harness.show_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        harness.make_chartqa(folder / "data", options.rows, options.image_kb * 1024)
        write_prompts(folder / "data", folder / "prompts.json")
        for latency in options.latency:
            for in_flight in options.in_flight:
                show(options, latency, in_flight, run_all(options, folder, latency, in_flight))


if __name__ == "__main__":
    main()
