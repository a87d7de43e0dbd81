"""Whether the memory of `annotate` grows with the number of rows.

    python tests/bench/bench_memory.py [--rows 2000 20000] [--in-flight 256] [--image-kb 20] [--stub SOURCE]

Prints the peak of resident memory for each number of rows, and its ratio to that of the first.
"""

import tempfile
from pathlib import Path

import harness


def peak(stub: Path | None, folder: Path, rows: int, image_bytes: int, in_flight: int) -> tuple[int, float]:
    """Annotate so many rows, and return the peak in bytes and the seconds that it took."""
    harness.make_chartqa(folder / "data", rows, image_bytes)
    with harness.server(stub, folder, latency=0) as url:
        measured = harness.measure_annotate(url, folder / "data", folder / "workspace", in_flight)
    assert measured["done"] == rows
    return measured["peak"], measured["wall"]


def main() -> None:
    """Measure each number of rows."""
    arguments = harness.parser(__doc__)
    arguments.add_argument("--rows", type=int, nargs="+", default=[2000, 20_000])
    arguments.add_argument("--in-flight", type=int, default=256)
    arguments.add_argument("--image-kb", type=int, default=20)
    options = arguments.parse_args()
    harness.show_machine()
    table, first = [], None
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as name:
            size, seconds = peak(options.stub, Path(name), rows, options.image_kb * 1024, options.in_flight)
        first = first or size
        table.append((rows, options.in_flight, f"{size / 1e6:.0f}", f"{size / first:.2f}", f"{seconds:.1f}"))
    harness.show(("rows", "in flight", "peak MB", "ratio", "wall s"), table)


if __name__ == "__main__":
    main()
