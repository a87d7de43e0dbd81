"""One of the reviewers of `bench_review` who work at once: `review_crowd.py WORKSPACE NAME SECONDS`.

Takes records and decides on them as fast as it can; prints what it held, and when, and what it was told, as JSON.
"""

import json
import random
import sys
import time
from pathlib import Path

from curation.review import Deed, Desk, Reviewer
from curation.review.desk import new_id
from curation.store import Store

AHEAD = 3
"""Records that a screen holds."""


def work(desk: Desk, seconds: float, rng: random.Random) -> dict[str, list[object]]:
    """Return what was held as (sample, turn, duty, from, to), the ids of decisions, their faults, and milliseconds."""
    held, decided, faults, waits = [], [], [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        views = desk.take(count=AHEAD)
        taken = time.monotonic()
        waits.append((taken - begun) * 1000)
        for view in views:
            deed = Deed(
                id=new_id(), act="review", sample_id=view.sample.id, turn=view.trace.turn, trace_id=view.trace.id,
                decision=rng.choice(["accept", "accept", "accept", "reject"]), text="wrong", seconds=1.0,
            )  # fmt: skip
            (done,) = desk.carry_out([deed])
            duty = view.ticket.duty.value if view.ticket else ""
            held.append((view.sample.id, view.trace.turn, duty, taken, time.monotonic()))
            (faults if done.fault else decided).append(done.fault or deed.id)
    return {"held": held, "decided": decided, "faults": faults, "waits": waits}


def main() -> None:
    """Work for so many seconds."""
    folder, name, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    with Store.open(folder) as store:
        desk = Desk(store, Reviewer(name, "adjudicator" if name == "ada" else "reviewer"))
        print(json.dumps(work(desk, seconds, random.Random(name))))


if __name__ == "__main__":
    main()
