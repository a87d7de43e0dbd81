"""The app by itself: `python -m ui --workspace DIR`; `python -m curation review` calls it."""

import argparse
import sys
from pathlib import Path

from curation.errors import CurationError
from curation.review.rewriting import Means
from ui.office import Options
from ui.server import serve


def main(arguments: list[str] | None = None) -> int:
    """Serve the app; return the exit code."""
    flags = _parser().parse_args(arguments)
    means = Means(flags.model, flags.base_url, flags.offline, flags.price, flags.max_cost)
    options = Options(flags.workspace, flags.host, flags.port, flags.reviewer, flags.people, means)
    try:
        serve(options)
    except KeyboardInterrupt:
        return 0
    except CurationError as error:
        print(f"review: {error}", file=sys.stderr)  # noqa: T201
        return int(error.exit_code)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ui", description="Serve the review app.")
    usual = Options(Path("workspace"))
    parser.add_argument("--workspace", type=Path, default=usual.workspace)
    parser.add_argument("--host", default=usual.host)
    parser.add_argument("--port", type=int, default=usual.port)
    parser.add_argument("--reviewer", default=usual.reviewer, help="who sits at this machine")
    parser.add_argument("--people", type=Path, help="file that says who may come in")
    parser.add_argument("--model", default=usual.means.model, help="what writes stages anew")
    parser.add_argument("--base-url", default=usual.means.base_url)
    parser.add_argument("--offline", action="store_true", help="the simulator writes stages anew")
    parser.add_argument("--price", type=_price, help="US dollars for a million prompt and completion tokens, as IN,OUT")
    parser.add_argument("--max-cost", type=float, help="most US dollars that may be spent")
    return parser


def _price(text: str) -> tuple[float, float]:
    prompt, completion = map(float, text.split(","))
    return prompt, completion


if __name__ == "__main__":
    sys.exit(main())
