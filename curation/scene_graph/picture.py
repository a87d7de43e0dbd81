"""A scene as a PNG, which says in a text chunk before the pixels what it shows.

A model is given the pixels. The simulated teacher, which is sent the file, reads the chunk: it "sees" the scene.
"""

import io
import struct

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from pydantic import ValidationError

from curation.scene_graph.objects import SIDE, Placed, Scene

_KEYWORD = b"scene\0"
_AFTER_HEADER = 33
"""Bytes of the signature and of the chunk IHDR: where the scene's chunk begins."""


def render(scene: Scene) -> Image.Image:
    """Draw the picture."""
    image = Image.new("RGB", (SIDE, SIDE), (scene.grey,) * 3)
    draw = ImageDraw.Draw(image)
    for placed in scene.objects:
        _draw(draw, placed)
    return image


def _draw(draw: ImageDraw.ImageDraw, placed: Placed) -> None:
    x, y, radius = placed.x, placed.y, placed.radius
    box = (x - radius, y - radius, x + radius, y + radius)
    match placed.kind.shape:
        case "cube":
            draw.rectangle(box, fill=placed.rgb)
        case "ball":
            draw.ellipse(box, fill=placed.rgb)
        case _:
            draw.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=placed.rgb)


def to_png(scene: Scene) -> bytes:
    """Return the file; the same scene gives the same bytes."""
    info = PngInfo()
    info.add_text("scene", scene.model_dump_json())
    file = io.BytesIO()
    render(scene).save(file, "PNG", pnginfo=info, compress_level=1)
    return file.getvalue()


def read_scene(head: bytes) -> Scene | None:
    """Return the scene that a file, or its first few kilobytes, says it shows; None where it says none."""
    try:
        length, kind = struct.unpack_from(">I4s", head, _AFTER_HEADER)
    except struct.error:
        return None
    text = head[_AFTER_HEADER + 8 : _AFTER_HEADER + 8 + length]
    if kind != b"tEXt" or not text.startswith(_KEYWORD):
        return None
    try:
        return Scene.model_validate_json(text[len(_KEYWORD) :])
    except ValidationError:
        return None
