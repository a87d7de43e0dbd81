"""What a scene holds: up to sixteen coloured shapes, in the cells of a grid, on a grey ground."""

from itertools import groupby, pairwise
from random import Random
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from schemas.sample import Record

SIDE = 64
"""Pixels of a picture's side."""
GRID = 4
"""Cells of a side; each holds one object at most."""
CELL = SIDE // GRID
COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (50, 80, 220), "yellow": (230, 210, 50)}
"""Red, green and blue from 0 to 255, before an object's own shade."""
SHAPES = ("cube", "ball", "cone")

_RADII = (4, 6)
_OFFSET = 2
"""Pixels by which an object stands off the middle of its cell; one of the largest radius fills it."""
_SHADE = 25
_GROUND = (95, 125)


class Kind(NamedTuple):
    """What an object is, as texts name it."""

    colour: str
    shape: str

    def __str__(self) -> str:
        return f"{self.colour} {self.shape}"


KINDS = tuple(Kind(colour, shape) for colour in COLOURS for shape in SHAPES)

Rows = tuple[tuple[Kind, ...], ...]
"""The objects of each row of the grid from left to right, without rows and cells that are empty."""


def _known(kind: Kind) -> Kind:
    if kind not in KINDS:
        raise ValueError(f"there is no {kind}")
    return kind


Channel = Annotated[int, Field(ge=0, le=255)]
Pixel = Annotated[int, Field(ge=0, lt=SIDE)]


class Placed(Record):
    """An object where it stands."""

    kind: Annotated[Kind, AfterValidator(_known)]
    cell: int = Field(ge=0, lt=GRID * GRID)
    """In reading order, 0 is the upper left."""
    x: Pixel
    """Of its middle."""
    y: Pixel
    radius: int = Field(gt=0, le=CELL // 2)
    """Pixels from the middle to each side."""
    rgb: tuple[Channel, Channel, Channel]


class Scene(Record):
    """A scene as it is drawn, pixel by pixel; its objects stand in reading order."""

    grey: Channel
    objects: tuple[Placed, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_reading_order(self) -> Self:
        if any(one.cell >= other.cell for one, other in pairwise(self.objects)):
            raise ValueError("the cells of the objects must ascend")
        return self

    @property
    def rows(self) -> Rows:
        """What texts can say of the scene."""
        return tuple(
            tuple(each.kind for each in row) for _, row in groupby(self.objects, lambda placed: placed.cell // GRID)
        )


def draw(rng: Random, fewest: int, most: int) -> Scene:
    """Draw a scene with from `fewest` to `most` objects."""
    cells = sorted(rng.sample(range(GRID * GRID), rng.randint(fewest, most)))
    return Scene(grey=rng.randint(*_GROUND), objects=tuple(_place(rng, cell) for cell in cells))


def _place(rng: Random, cell: int) -> Placed:
    kind, radius = rng.choice(KINDS), rng.randint(*_RADII)
    room = 0 if radius == _RADII[1] else _OFFSET
    x, y = (number * CELL + CELL // 2 + rng.randint(-room, room) for number in (cell % GRID, cell // GRID))
    red, green, blue = (min(255, max(0, each + rng.randint(-_SHADE, _SHADE))) for each in COLOURS[kind.colour])
    return Placed(kind=kind, cell=cell, x=x, y=y, radius=radius, rgb=(red, green, blue))
