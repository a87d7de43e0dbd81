"""A release of a few small pictures with boxes to count, built as `export` builds one."""

import io
import random
from pathlib import Path

from PIL import Image, ImageDraw

from curation import release
from curation.images import LoadedImage, inspect
from exports import Item
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace
from tests.records import BEGIN

COLOURS = ("red", "blue", "green")


def build(
    folder: Path, count: int = 24, *, flagged: int = 0, plain: int = 0, validation: int = 4, form: str = "jsonl"
) -> Path:
    """Build a release: so many turns in train, of which some are flagged and some have no image, and in validation."""
    chance = random.Random(0)
    blobs: dict[str, bytes] = {}
    items = []
    for number in range(count + validation):
        name = f"{'boxes' if number % 2 else 'crates'}/train/{number:04d}"
        item, picture = _item(name, chance, bare=number < plain, split="validation" if number >= count else "train")
        if picture:
            blobs[picture.ref.digest] = picture.data
        if plain <= number < plain + flagged:
            item = item._replace(errors={item.traces[0].id: ("structure:missing",)})
        items.append(item)
    pictures = folder.with_name(f"{folder.name}-pictures")
    pictures.mkdir(parents=True)
    for digest, data in blobs.items():
        (pictures / digest[7:]).write_bytes(data)
    items.sort(key=lambda item: item.sample.id)
    release.build(items, folder, form, lambda ref: pictures / ref.digest[7:], {}, {})
    return folder


def _item(name: str, chance: random.Random, *, bare: bool, split: str) -> tuple[Item, LoadedImage | None]:
    colours = [chance.choice(COLOURS) for _ in range(chance.randint(1, 4))]
    picture = None if bare else _picture(name, colours)
    asked = chance.choice(COLOURS)
    count = colours.count(asked)
    turn = Turn(question=f"How many {asked} boxes are there?", targets=(str(count),), scorer="numeric")
    sample = Sample(id=name, images=(picture.ref,) if picture else (), turns=(turn,))
    stages = Stages(
        summary=f"I count the {asked} boxes.",
        caption=", ".join(f"a {colour} box" for colour in colours),
        reasoning=" ".join(f"{asked} box {i + 1}," for i in range(count)) + f" so there are {count}.",
        conclusion=str(count),
    )
    trace = Trace(sample_id=name, turn=0, stages=stages, provenance=Provenance(kind="simulated", created_at=BEGIN))
    return Item(sample, (trace,), split), picture


def _picture(name: str, colours: list[str]) -> LoadedImage:
    image = Image.new("RGB", (64, 64), (200, 200, int(name[-4:]) % 256))
    draw = ImageDraw.Draw(image)
    for place, colour in enumerate(colours):
        draw.rectangle([16 * place + 2, 20, 16 * place + 12, 40], fill=colour)
    data = io.BytesIO()
    image.save(data, "PNG")
    return inspect(data.getvalue())
