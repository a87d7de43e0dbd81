"""How fast images are looked at, what is found again of altered copies, and what is taken for a copy that is none.

    python tests/bench/bench_pictures.py [--data DIR] [--peer-python PEERS/bin/python] [--scenes 1000] [--many 1000000]

The first table gives images a CPU second, of one core: our look (size, contrast, two hashes, a thumbnail), and pHash
and dHash by `imagehash`, which lives in an environment of its own: `python -m venv PEERS && PEERS/bin/pip install
imagehash`. The second gives the share of altered copies that look alike, by our two steps and by a distance of pHash
alone; the third the pairs of different pictures that do; the fourth what is found of mirror images. Pictures are those
below DIR, and drawn scenes. The last one is how long it takes to find candidates among many hashes, drawn at random
and all the same.
"""

import argparse
import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import harness
import numpy as np
from PIL import Image, ImageOps

sys.path.insert(0, str(harness.ROOT))

from curation.images.looks import Marks, look
from curation.scene_graph import objects, picture
from curation.similarity import pictures as near_pictures
from curation.similarity.pictures import ALIKE, GRADIENT_BITS, HASH_BITS, Marked

_REAL = harness.ROOT.parent / "shared" / "data"
_PEER = """
import json, sys, time
import imagehash
from PIL import Image
paths, begun = json.load(sys.stdin), time.process_time()
for path in paths:
    with Image.open(path) as image:
        imagehash.phash(image), imagehash.dhash(image)
print(len(paths) / (time.process_time() - begun))
"""
_DISTANCES = (4, 8, 10)
_MIRRORED = ("JPEG, quality 90", "JPEG, quality 50", "50 %", "cropped by 2 %", "cropped by 5 %")


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """Return the image's bytes."""
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def cropped(image: Image.Image, share: float) -> Image.Image:
    """Cut off so much of the width and of the height, half of it on each side."""
    x, y = image.width * share / 2, image.height * share / 2
    return image.crop((round(x), round(y), round(image.width - x), round(image.height - y)))


def scaled(image: Image.Image, share: float) -> Image.Image:
    """Return the image in another size."""
    return image.resize((max(1, round(image.width * share)), max(1, round(image.height * share))))


ALTERED: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG, quality 90": lambda image: saved(image, "JPEG", quality=90),
    "JPEG, quality 50": lambda image: saved(image, "JPEG", quality=50),
    "WebP, quality 75": lambda image: saved(image, "WEBP", quality=75),
    "grey": lambda image: saved(image.convert("L")),
    "50 %": lambda image: saved(scaled(image, 0.5)),
    "75 %": lambda image: saved(scaled(image, 0.75)),
    "150 %": lambda image: saved(scaled(image, 1.5)),
    "50 %, then JPEG 50": lambda image: saved(scaled(image, 0.5), "JPEG", quality=50),
    "cropped by 2 %": lambda image: saved(cropped(image, 0.02)),
    "cropped by 5 %": lambda image: saved(cropped(image, 0.05)),
    "15 % brighter, whites clipped": lambda image: saved(image.point(lambda value: min(255, round(value * 1.15)))),
}


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, default=_REAL)
    arguments.add_argument("--peer-python", type=Path)
    arguments.add_argument("--scenes", type=int, default=1000)
    arguments.add_argument("--many", type=int, default=1_000_000)
    given = arguments.parse_args()
    harness.show_machine()
    paths = [path for path in sorted(given.data.rglob("*")) if path.suffix in {".png", ".jpg"} and _opens(path)]
    show_speed(paths, given.peer_python)
    real = distinct([path.read_bytes() for path in paths])
    scenes = [picture.to_png(objects.draw(random.Random(seed), 2, 5)) for seed in range(given.scenes)]
    show_recall({f"{len(real)} real": real, f"{min(100, len(scenes))} scenes": scenes[:100]})
    show_false({f"{len(real)} real": real, f"{len(scenes)} scenes": scenes})
    show_mirrored({f"{len(real)} real": real, f"{min(300, len(scenes))} scenes": scenes[:300]})
    show_many(given.many)


def _opens(path: Path) -> bool:
    return not look(path.read_bytes()).fault


def distinct(images: Sequence[bytes]) -> list[bytes]:
    """Leave out pictures that are there twice: what two sources share."""
    kept = {look(data).thumb: data for data in images}
    return list(kept.values())


def show_speed(paths: Sequence[Path], peer: Path | None) -> None:
    """Print images a CPU second."""
    begun = time.process_time()
    for path in paths:
        look(path.read_bytes())
    rows = [("look: everything", f"{len(paths) / (time.process_time() - begun):,.0f}")]
    if peer:
        names = json.dumps([str(path) for path in paths])
        done = subprocess.run([peer, "-c", _PEER], input=names, capture_output=True, text=True, check=True)
        rows.append(("imagehash: pHash and dHash", f"{float(done.stdout):,.0f}"))
    harness.show((f"{len(paths)} real images", "images a CPU second"), rows)


def show_recall(groups: dict[str, list[bytes]]) -> None:
    """Print the share of altered copies that are found again."""
    rows = []
    for how, alter in ALTERED.items():
        for name, images in groups.items():
            ones = [look(data) for data in images]
            others = [look(alter(Image.open(io.BytesIO(data)).convert("RGB"))) for data in images]
            pairs = [(number, number) for number in range(len(images))]
            rows.append((how, name, *(f"{100 * share:.1f}" for share in shares(ones, others, pairs))))
    harness.show(("altered, % found", "pictures", "ours", *(f"pHash ≤ {bits}" for bits in _DISTANCES)), rows)


def show_false(groups: dict[str, list[bytes]]) -> None:
    """Print how many pairs of different pictures are taken for copies."""
    rows = []
    for name, images in groups.items():
        seen = [look(data) for data in images]
        pairs = list(combinations(range(len(seen)), 2))
        counts = [share * len(pairs) for share in shares(seen, seen, pairs)]
        rows.append((name, f"{len(pairs):,}", *(f"{count:.0f}" for count in counts)))
    harness.show(("false", "pairs", "ours", *(f"pHash ≤ {bits}" for bits in _DISTANCES)), rows)


def show_mirrored(groups: dict[str, list[bytes]]) -> None:
    """Print the share of mirror images that are found, altered too, and how many pairs of other pictures are."""
    rows = []
    for name, images in groups.items():
        seen = [look(data) for data in images]
        for how in _MIRRORED:
            turned = [
                look(ALTERED[how](ImageOps.mirror(Image.open(io.BytesIO(data)).convert("RGB")))) for data in images
            ]
            pairs = {(number, number + len(images)) for number in range(len(images))}
            rows.append((f"mirrored, {how}", name, f"{100 * len(_mirrors([*seen, *turned]) & pairs) / len(pairs):.1f}"))
        rows.append(("pairs of different pictures", name, str(len(_mirrors(seen)))))
    harness.show(("mirror images", "pictures", "% found, pairs"), rows)


def _mirrors(seen: Sequence[Marks]) -> set[tuple[int, int]]:
    marked = Marked(*(np.array([getattr(marks, name) for marks in seen], np.int64) for name in ("hash", "gradient")))
    found = near_pictures.mirrors(marked, lambda numbers: np.stack([_pixels(seen[int(n)]) for n in numbers]))
    return {(match.one, match.other) for match in found}


def shares(ones: Sequence[Marks], others: Sequence[Marks], pairs: Sequence[tuple[int, int]]) -> Iterator[float]:
    """Yield the share of pairs that look alike: by our two steps, then by pHash alone."""
    left, right = np.array(pairs).T
    hashes, gradients = (_apart(ones, others, left, right, name) for name in ("hash", "gradient"))
    near = np.flatnonzero((hashes <= HASH_BITS) & (gradients <= GRADIENT_BITS))
    thumbs = [
        np.stack([_pixels(seen[number]) for number in side[near]] or [_pixels(ones[0])])
        for seen, side in ((ones, left), (others, right))
    ]
    alike = near_pictures.differences(*thumbs)[: len(near)] <= ALIKE
    yield alike.sum() / len(pairs)
    yield from ((hashes <= bits).mean() for bits in _DISTANCES)


def _apart(
    ones: Sequence[Marks], others: Sequence[Marks], left: np.ndarray, right: np.ndarray, name: str
) -> np.ndarray:
    one, other = (np.array([getattr(marks, name) for marks in seen], np.int64) for seen in (ones, others))
    return np.bitwise_count((one[left] ^ other[right]).view(np.uint64))


def _pixels(marks: Marks) -> np.ndarray:
    return np.frombuffer(marks.thumb or b"", np.uint8)


def show_many(most: int) -> None:
    """Print how long candidates take."""
    rows = []
    for count in (most // 100, most // 10, most):
        drawn = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, (2, count))
        times = []
        for hashes, gradients in (drawn, np.zeros_like(drawn)):
            begun = time.process_time()
            near_pictures.candidates(marked := Marked(hashes, gradients), marked)
            times.append(f"{time.process_time() - begun:.1f} s")
        rows.append((f"{count:,}", *times))
    harness.show(("hashes", "random, CPU", "all the same, CPU"), rows)


if __name__ == "__main__":
    main()
