"""A picture is known again when it was altered, and told from others that are nearly like it."""

import io
import random
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from curation.checking.looking import alike, look_at, looks
from curation.images import inspect
from curation.images.looks import BLANK, THUMB, Marks, look
from curation.scene_graph import objects
from curation.scene_graph import picture as drawn
from curation.similarity import pictures as near_pictures
from curation.similarity.pictures import Marked, candidates, groups, matches, mirrors
from curation.store.pictured import all_seen
from tests.bad_images import BAD, bomb
from tests.records import picture

REAL = Path(__file__).parents[2] / "shared/data"


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chart(seed: int, size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Bars of random heights on white ground: nothing tells one from another but the bars."""
    rng, image = random.Random(seed), Image.new("RGB", size, "white")
    draw, (width, height) = ImageDraw.Draw(image), size
    for bar in range(6):
        left, top = width * (bar + 0.2) / 6, height * rng.uniform(0.1, 0.8)
        draw.rectangle((left, top, left + width / 9, height * 0.95), "steelblue")
    return image


def altered(image: Image.Image) -> dict[str, bytes]:
    width, height = image.size
    half = image.resize((width // 2, height // 2))
    return {
        "jpeg": encoded(image, "JPEG", quality=50),
        "webp": encoded(image, "WEBP", quality=75),
        "half": encoded(half),
        "larger": encoded(image.resize((width * 3 // 2, height * 3 // 2))),
        "grey": encoded(image.convert("L")),
        "palette": encoded(image.convert("P")),
        "clear": encoded(image.convert("RGBA")),
        "both": encoded(half, "JPEG", quality=60),
        "crop": encoded(image.crop((4, 3, width - 4, height - 3))),
    }


def marks(*seen: Marks) -> Marked:
    return Marked(*(np.array([getattr(one, name) for one in seen], np.int64) for name in ("hash", "gradient")))


def thumbs(*seen: Marks):
    pixels = [np.frombuffer(one.thumb, np.uint8) for one in seen]
    return lambda numbers: np.stack([pixels[number] for number in numbers])


def grouped(*images: bytes) -> list[int]:
    seen = [look(image) for image in images]
    return groups(marks(*seen), thumbs(*seen)).tolist()


# One look


def test_a_look_gives_size_contrast_and_thumbnail():
    seen = look(encoded(chart(1)))
    assert (seen.width, seen.height, seen.fault, len(seen.thumb)) == (400, 300, "", THUMB)
    assert -(2**63) <= seen.hash < 2**63
    assert seen.contrast > 50
    assert np.frombuffer(seen.thumb, np.uint8)[0] == 255  # the ground


@pytest.mark.parametrize("how", altered(chart(1)))
def test_an_altered_copy_has_near_hashes(how):
    one, other = look(encoded(chart(1))), look(altered(chart(1))[how])
    bits = [((one[at] ^ other[at]) & (2**64 - 1)).bit_count() for at in (2, 3)]
    assert bits[0] <= near_pictures.HASH_BITS
    assert bits[1] <= near_pictures.GRADIENT_BITS


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_kind_of_image_is_looked_at(mode):
    seen = look(encoded(chart(1).convert("L").convert(mode)))
    assert seen.fault == ""
    assert seen.contrast > BLANK


def test_sixteen_bits_are_as_bright_as_eight():
    deep = Image.fromarray(np.asarray(chart(1).convert("L")).astype(np.uint16) * 257)
    pixels = [
        np.frombuffer(look(encoded(image)).thumb, np.uint8).astype(int) for image in (deep, chart(1).convert("L"))
    ]
    assert np.abs(pixels[0] - pixels[1]).max() <= 1


def test_what_is_clear_is_white():
    clear = Image.new("RGBA", (90, 60), (0, 0, 0, 0))
    assert set(look(encoded(clear)).thumb) == {255, 128}


@pytest.mark.parametrize("data", [data for data in BAD.values() if data is not None])
def test_what_is_no_image_is_a_fault(data):
    seen = look(data)
    assert seen.fault
    assert seen._replace(fault="") == Marks()


def test_pixels_that_can_not_be_decoded_are_a_fault():
    whole = encoded(Image.new("L", (20, 10)))
    start = whole.index(b"IDAT")
    size = int.from_bytes(whole[start - 4 : start], "big")
    broken = b"IDAT" + b"\x78\x9c" + b"\xff" * (size - 2)  # with the checksum of what it holds
    data = whole[:start] + broken + zlib.crc32(broken).to_bytes(4, "big") + whole[start + size + 8 :]
    assert look(data).fault.startswith("its pixels can't be decoded")


@settings(max_examples=60)
@given(st.binary(max_size=60), st.integers(0, 3000))
def test_any_bytes_are_looked_at(noise, at):
    whole = encoded(chart(1), "JPEG")
    for data in (noise, whole[:at] + noise + whole[at + len(noise) :]):
        seen = look(data)
        assert seen.fault or len(seen.thumb) == THUMB


# Which look alike


@pytest.mark.parametrize("how", altered(chart(1)))
def test_an_altered_copy_looks_alike(how):
    assert grouped(encoded(chart(1)), encoded(chart(2)), altered(chart(1))[how]) == [0, 1, 0]


def test_charts_of_one_form_do_not_look_alike():
    assert len(set(grouped(*(encoded(chart(seed)) for seed in range(60))))) == 60


def test_a_chart_in_another_colour_is_another_picture():
    other = Image.new("RGB", (400, 300), "white")
    other.paste("darkolivegreen", mask=chart(1).convert("L").point(lambda value: 255 * (value < 200)))
    assert grouped(encoded(chart(1)), encoded(other)) == [0, 1]


def test_drawn_scenes_do_not_look_alike():
    scenes = [drawn.to_png(objects.draw(random.Random(seed), 2, 5)) for seed in range(150)]
    assert len(set(grouped(*scenes))) == 150


def test_one_bar_of_another_colour_makes_another_picture():
    other = chart(1)
    ImageDraw.Draw(other).rectangle((140, 100, 175, 280), "black")
    assert grouped(encoded(chart(1)), encoded(other)) == [0, 1]


@pytest.mark.skipif(not REAL.exists(), reason="the real samples are not here")
def test_real_charts_do_not_look_alike():
    folder = REAL / "chartqa/ChartQA Dataset/test/png"
    charts = [path.read_bytes() for path in sorted(folder.glob("*.png"))[::2]]
    assert len(charts) > 25
    assert len(set(grouped(*charts))) == len(charts)


def mirror_images(*images: bytes) -> list[tuple[int, int]]:
    seen = [look(image) for image in images]
    return [(match.one, match.other) for match in mirrors(marks(*seen), thumbs(*seen))]


@pytest.mark.parametrize("how", ["jpeg", "webp", "half", "grey", "both", "crop"])
def test_a_mirror_image_is_known_though_it_was_altered(how):
    turned = altered(ImageOps.mirror(chart(1)))[how]
    assert grouped(encoded(chart(1)), turned) == [0, 1]
    assert mirror_images(encoded(chart(2)), encoded(chart(1)), turned) == [(1, 2)]
    assert mirror_images(turned, encoded(chart(1))) == [(0, 1)]


def test_different_charts_and_scenes_mirror_nothing():
    scenes = [drawn.to_png(objects.draw(random.Random(seed), 2, 5)) for seed in range(60)]
    assert mirror_images(*(encoded(chart(seed)) for seed in range(60)), *scenes) == []
    assert mirror_images() == []


def test_what_is_turned_upside_down_is_no_mirror_image():
    assert mirror_images(encoded(chart(1)), encoded(ImageOps.flip(chart(1)))) == []


def test_a_chain_of_pictures_is_one_group():
    steps = [encoded(chart(1).crop((cut, 0, 400, 300))) for cut in (0, 5, 10, 15)]
    assert grouped(*steps) == [0, 0, 0, 0]


def test_a_picture_of_others_is_matched_with_its_difference():
    ours, theirs = [look(encoded(chart(seed))) for seed in (1, 2, 3)], [look(altered(chart(2))["half"])]
    [match] = matches(marks(*ours), thumbs(*ours), marks(*theirs), thumbs(*theirs))
    assert (match.one, match.other) == (1, 0)
    assert 0 < match.difference < near_pictures.ALIKE


def test_without_pictures_there_are_no_groups_and_no_matches():
    none, one = marks(), look(encoded(chart(1)))
    assert groups(none, thumbs()).tolist() == []
    assert list(matches(none, thumbs(), marks(one), thumbs(one))) == []
    assert list(matches(marks(one), thumbs(one), none, thumbs())) == []


def test_near_hashes_among_many_are_candidates():
    rng = np.random.default_rng(1)
    many = Marked(*rng.integers(-(2**63), 2**63 - 1, (2, 20_000)))
    flips = [sum(1 << int(bit) for bit in rng.choice(63, 4, replace=False)) for _ in range(200)]
    others = Marked(many.hashes[:200] ^ np.array(flips), many.gradients[:200] ^ np.array(flips[::-1]))
    found = {(one, other) for one, other in candidates(many, others).tolist()}
    assert len(found & {(number, number) for number in range(200)}) >= 198
    assert len(found) < 210


def test_as_many_comparisons_as_pictures_however_many_are_the_same(monkeypatch):
    compared = []
    monkeypatch.setattr(
        near_pictures, "differences", lambda ones, _: compared.append(len(ones)) or np.zeros(len(ones), np.float32)
    )
    same = Marked(np.zeros(20_000, np.int64), np.zeros(20_000, np.int64))
    pixels = np.zeros((1, THUMB), np.uint8)
    assert not groups(same, lambda numbers: np.repeat(pixels, len(numbers), 0)).any()
    assert sum(compared) <= 2 * 20_000


# In a workspace


def test_images_of_a_workspace_are_looked_at_once(store):
    images = [inspect(data) for data in (encoded(chart(1)), altered(chart(1))["half"], encoded(chart(2)))]
    for image in images:
        store.images.put(image)
    refs = [image.ref for image in images]
    look_at(store, refs * 2, lambda *_: None)
    store.images.path(refs[0]).unlink()
    look_at(store, refs, lambda *_: None)
    assert all_seen(store.engine)["fault"].to_list() == ["", "", ""]
    assert looks(store)["digest"].to_list() == sorted(ref.digest for ref in refs)
    twins = sorted(ref.digest for ref in refs[:2])
    assert alike(store) == dict.fromkeys(twins, twins[0])


def test_a_missing_or_damaged_image_is_a_fault_until_it_is_mended(store):
    missing, broken = picture(1), inspect(encoded(chart(1)))
    store.images.put(broken)
    store.images.path(broken.ref).write_bytes(bomb())
    look_at(store, [missing.ref, broken.ref], lambda *_: None)
    faults = dict(all_seen(store.engine).select("digest", "fault").iter_rows())
    assert "No such file" in faults[missing.ref.digest]
    assert "bomb" in faults[broken.ref.digest]
    store.images.put(missing)
    look_at(store, [missing.ref], lambda *_: None)
    assert dict(all_seen(store.engine).select("digest", "fault").iter_rows())[missing.ref.digest] == ""


def test_blank_pictures_are_in_no_group(store):
    blank = [picture(1), picture(2)]
    for image in blank:
        store.images.put(image)
    look_at(store, [image.ref for image in blank], lambda *_: None)
    assert looks(store)["group"].to_list() == [None, None]
    assert alike(store) == {}
