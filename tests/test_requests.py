"""A request's key is what is asked, its body what is sent; images, prices and the budget keep their word."""

import asyncio
import base64
import io
import itertools
import json
import tracemalloc
from contextlib import suppress

import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from curation.calls import vision
from curation.calls.budget import Budget
from curation.calls.prices import FREE, Price, price
from curation.calls.request import Model, Prompt, build
from curation.calls.vision import Bounded, Patches, Pictures, Tiles, tokenizer
from curation.errors import StoppedError, UsageError
from curation.images import ImageFault, LoadedImage, inspect
from schemas.call import NANO, Usage
from schemas.digest import canonical_json
from tests.strategies import any_text, usages
from tests.workbench import broken_inside

SCHEMA = {"title": "answer", "type": "object", "properties": {"x": {"type": "string"}}}


def picture(form="PNG", mode="RGB", size=(40, 30), seed=0, **options):
    file = io.BytesIO()
    shade = Image.new("L", size, seed % 256).convert(mode) if mode != "I;16" else Image.new(mode, size, seed)
    shade.save(file, form, **options)
    return inspect(file.getvalue())


SMALL, OTHER = picture(), picture(seed=9)


def decoded(url):
    """Return the type that a data URL claims, and its bytes."""
    head, data = url.decode().split(",", 1)
    return head.removeprefix("data:").removesuffix(";base64"), base64.b64decode(data, validate=True)


def opened(url):
    return Image.open(io.BytesIO(decoded(url)[1]))


# The key


def key(endpoint="e", attempt=0, model="gpt-4o", max_tokens=2048, **prompt):
    asked = Prompt(**({"system": "s", "user": "u", "images": (SMALL,), "schema": SCHEMA} | prompt))
    pictures = Pictures(model)
    return build(asked, Model(model, max_tokens), pictures).key(endpoint, attempt)


CHANGES = [
    {"endpoint": "f"},
    {"attempt": 1},
    {"model": "gpt-4o-mini"},
    {"model": "o3"},
    {"max_tokens": 2049},
    {"system": "S"},
    {"system": ""},
    {"user": "u "},
    {"user": "\ud800"},
    {"images": (OTHER,)},
    {"images": ()},
    {"images": (SMALL, OTHER)},
    {"images": (OTHER, SMALL)},
    {"images": (SMALL, SMALL)},
    {"schema": None},
    {"schema": SCHEMA | {"title": "other"}},
    {"schema": SCHEMA | {"required": ["x"]}},
]


def test_every_change_of_what_is_asked_is_another_key():
    keys = [key(), *(key(**change) for change in CHANGES)]
    assert len(set(keys)) == len(keys)


def test_nothing_else_changes_the_key():
    schema = dict(reversed([*SCHEMA.items()]))
    assert key(images=(inspect(SMALL.data),), schema=schema) == key()


def test_the_key_does_not_change_between_versions():
    """A changed key would pay again for every answer that is stored."""
    prompt = Prompt("system", "question é", (inspect(PIXEL),), {"title": "t", "type": "object"})
    request = build(prompt, Model("gpt-4o", 100), Pictures("gpt-4o"))
    assert (
        request.key("https://api.openai.com/v1", 0)
        == "sha256:0a5a9d411218dad365bee363ee6c4e92356e5c92367174856ba42896b895b681"
    )


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


# The body


def expected_body(prompt, model, pictures):
    """The request as the endpoint's reference has it, written a second time."""
    images = [
        {"type": "image_url", "image_url": {"url": pictures.url(image).decode(), "detail": "high"}}
        for image in prompt.images
    ]
    body = {
        "model": model.name,
        "max_tokens": model.max_tokens,
        "messages": [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": [*images, {"type": "text", "text": prompt.user}]},
        ],
    }
    if prompt.schema:
        form = {"name": prompt.schema["title"], "strict": True, "schema": prompt.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if prompt.sample is not None:
        body |= {"seed": prompt.sample, "temperature": 1}
    elif prompt.temperature is not None:
        body["temperature"] = prompt.temperature
    return body


PLACE = f'"url":"{SMALL.ref.digest}"'
TEXTS = any_text | st.sampled_from(
    [
        SMALL.ref.digest,
        PLACE,
        f"{{{PLACE}}}",
        f'\\"url\\":\\"{SMALL.ref.digest}\\"',
        f"\\{PLACE}",
        f'"{PLACE}',
        "\\",
        '"',
    ]
)


@given(
    st.builds(
        Prompt,
        system=TEXTS,
        user=TEXTS,
        images=st.lists(st.sampled_from([SMALL, OTHER]), max_size=3).map(tuple),
        schema=st.none() | st.just(SCHEMA) | TEXTS.map(lambda text: SCHEMA | {"description": text}),
    )
)
def test_the_body_is_canonical_json_with_each_image_in_its_place(prompt):
    pictures, model = Pictures("gpt-4o"), Model("gpt-4o", 512)
    body = build(prompt, model, pictures).body(pictures)
    wanted = expected_body(prompt, model, pictures)
    assert json.loads(body) == wanted
    assert body == canonical_json(wanted)


def test_the_canonical_request_holds_digests_not_images():
    request = build(Prompt("s", "u", (SMALL,)), Model("gpt-4o"), Pictures("gpt-4o"))
    assert PLACE.encode() in request.canonical
    assert b"base64" not in request.canonical


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "max_tokens"),
        ("my/llava", "max_tokens"),
        ("o4-mini", "max_completion_tokens"),
        ("gpt-5", "max_completion_tokens"),
    ],
)
def test_the_limit_of_the_answer_has_the_name_that_the_model_knows(model, name):
    body = json.loads(build(Prompt("s", "u"), Model(model, 77), Pictures(model)).canonical)
    assert body[name] == 77
    assert len({"max_tokens", "max_completion_tokens"} & set(body)) == 1


@pytest.mark.parametrize(
    ("model", "told"), [("gpt-4o", True), ("my/llava", True), ("o3", False), ("gpt-5-mini", False)]
)
def test_the_temperature_is_told_to_models_that_take_one(model, told):
    body = json.loads(build(Prompt("s", "u", temperature=0), Model(model), Pictures(model)).canonical)
    assert body.get("temperature") == (0 if told else None)


UNCHANGED = "sha256:3356979a10afc877e00c769d47d0647b416c610f31918587f1be1536d07e8a60"
"""The key of the plainest request, as the first version made it: what was paid for then is found."""


def test_a_request_without_a_temperature_keeps_its_key():
    request = build(Prompt("s", "u"), Model("gpt-4o"), Pictures("gpt-4o"))
    assert request.key("e", 0) == UNCHANGED
    assert build(Prompt("s", "u", temperature=0), Model("gpt-4o"), Pictures("gpt-4o")).key("e", 0) != UNCHANGED


def test_the_size_of_a_request_counts_text_and_images():
    pictures = Pictures("gpt-4o")
    without = build(Prompt("s", "u" * 4000), Model("gpt-4o"), pictures).size
    assert without >= 1000
    assert build(Prompt("s", "u" * 4000, (SMALL, SMALL)), Model("gpt-4o"), pictures).size >= without + 2 * 255


# Images as they are sent


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_image_that_needs_no_scaling_is_sent_byte_for_byte(form):
    image = picture(form)
    assert decoded(Pictures("gpt-4o").url(image)) == (image.ref.mime, image.data)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("model", "size", "sent"),
    [
        ("gpt-4o", (1000, 2000), (768, 1536)),
        ("gpt-4o", (2048, 500), (2048, 500)),
        ("gpt-4.1-mini", (1800, 2400), (1056, 1408)),
        ("my/llava", (3000, 1500), (2048, 1024)),
        ("my/llava", (2000, 2000), (2000, 2000)),
    ],
)
def test_an_image_is_sent_as_large_as_the_model_can_use(model, size, sent, form):
    image = picture(form, size=size)
    mime, data = decoded(Pictures(model).url(image))
    again = inspect(data).ref
    assert (again.width, again.height) == sent
    assert again.mime == mime


@pytest.mark.parametrize(
    ("form", "mode", "mime", "sent"),
    [
        ("JPEG", "RGB", "image/jpeg", "RGB"),
        ("JPEG", "L", "image/jpeg", "L"),
        ("JPEG", "CMYK", "image/jpeg", "RGB"),
        ("WEBP", "RGB", "image/jpeg", "RGB"),
        ("PNG", "RGB", "image/png", "RGB"),
        ("PNG", "RGBA", "image/png", "RGBA"),
        ("PNG", "LA", "image/png", "RGBA"),
        ("PNG", "L", "image/png", "L"),
        ("PNG", "1", "image/png", "RGB"),
        ("PNG", "P", "image/png", "RGB"),
        ("GIF", "P", "image/png", "L"),
    ],
)
def test_a_drawing_stays_lossless_when_it_is_scaled(form, mode, mime, sent):
    url = Pictures("gpt-4o").url(picture(form, mode, size=(1000, 1000)))
    assert decoded(url)[0] == mime
    assert opened(url).mode == sent


@pytest.mark.parametrize(
    ("form", "mode", "clear"),
    [
        ("PNG", "P", bytes(range(256))),
        ("PNG", "P", 0),
        ("PNG", "L", 0),
        ("PNG", "RGB", (0, 0, 0)),
        ("GIF", "P", 0),
    ],
)
def test_what_is_transparent_stays_transparent_when_it_is_scaled(form, mode, clear):
    url = Pictures("gpt-4o").url(picture(form, mode, size=(900, 900), transparency=clear))
    assert decoded(url)[0] == "image/png"
    assert opened(url).getchannel("A").getextrema() == (0, 0)


def test_a_transparent_webp_does_not_become_a_jpeg():
    file = io.BytesIO()
    Image.new("RGBA", (900, 900), (255, 0, 0, 0)).save(file, "WEBP")
    assert opened(Pictures("gpt-4o").url(inspect(file.getvalue()))).getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize("grey", [0, 20_000, 65_535])
def test_a_16_bit_image_keeps_its_shades_when_it_is_scaled(grey):
    sent = opened(Pictures("gpt-4o").url(picture(mode="I;16", size=(900, 900), seed=grey)))
    assert sent.getextrema() == (round(grey / 257), round(grey / 257))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_photograph_keeps_the_way_up_when_it_is_scaled(form):
    turned = Image.Exif()
    turned[0x0112] = 6
    sent = opened(Pictures("gpt-4o").url(picture(form, size=(900, 900), exif=turned)))
    assert sent.getexif()[0x0112] == 6


def test_a_large_image_keeps_what_it_shows():
    file = io.BytesIO()
    drawing = Image.new("RGB", (1600, 1600), "white")
    ImageDraw.Draw(drawing).rectangle((0, 0, 799, 1600), "red")
    drawing.save(file, "PNG")
    sent = opened(Pictures("gpt-4o").url(inspect(file.getvalue())))
    assert sent.getpixel((100, 384)) == (255, 0, 0)
    assert sent.getpixel((668, 384)) == (255, 255, 255)


def test_an_image_that_cannot_be_decoded_is_not_sent():
    image = inspect(broken_inside())
    with pytest.raises(ImageFault, match="pixels"):
        Pictures("gpt-4o").url(image)


WHOLE = [
    picture(form, mode, size=(60, 50)).data
    for form, mode in [("PNG", "P"), ("JPEG", "RGB"), ("GIF", "P"), ("WEBP", "RGB")]
]


@given(st.sampled_from(WHOLE), st.lists(st.tuples(st.floats(0.1, 0.999), st.integers(0, 255)), max_size=6))
def test_a_damaged_image_raises_nothing_but_its_fault(data, changes):
    damaged = bytearray(data)
    for place, byte in changes:
        damaged[int(place * len(damaged))] = byte
    pictures = Pictures("gpt-4o")
    pictures.tokenizer = Shrinking()
    with suppress(ImageFault):
        assert decoded(pictures.url(inspect(bytes(damaged))))[0].startswith("image/")


class Shrinking(Bounded):
    """Scales everything."""

    def fit(self, size):
        return max(1, size[0] // 2), max(1, size[1] // 2)


def counted(monkeypatch):
    """Count the encodings."""
    encodings = []
    encode = pybase64.b64encode

    def count(data):
        encodings.append(len(data))
        return encode(data)

    monkeypatch.setattr(vision.pybase64, "b64encode", count)
    return encodings


def test_an_image_is_encoded_once_for_all_its_requests(monkeypatch):
    encodings = counted(monkeypatch)
    pictures = Pictures("gpt-4o")
    for question in "abc":
        build(Prompt("s", question, (SMALL, SMALL)), Model("gpt-4o"), pictures).body(pictures)
    assert len(encodings) == 1


def noise(seed):
    """An image of about 300 kB, without its pixels."""
    data = seed.to_bytes(4, "big") * 75_000
    return LoadedImage(SMALL.ref.model_copy(update={"digest": f"sha256:{seed:064x}"}), data)


def test_pictures_stay_within_their_memory():
    pictures = Pictures("gpt-4o", capacity=2**20)
    tracemalloc.start()
    for seed in range(40):
        assert decoded(pictures.url(noise(seed)))[1] == noise(seed).data
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1.5 * 2**20


def test_pictures_forget_what_was_not_used_for_longest(monkeypatch):
    encodings = counted(monkeypatch)
    pictures = Pictures("gpt-4o", capacity=2**20)
    for seed in [1, 2, 1, 3, 1, 4, 1, 5, 1]:
        pictures.url(noise(seed))
    assert len(encodings) == 5


def test_an_image_larger_than_the_memory_is_still_sent():
    pictures = Pictures("gpt-4o", capacity=10)
    assert decoded(pictures.url(SMALL)) == decoded(pictures.url(SMALL)) == ("image/png", SMALL.data)


# What an image costs: the examples and tables of "Images and vision", section "Calculating costs"


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (2048, 4096), 1105),
        ("gpt-4o-2024-11-20", (4096, 2048), 1105),
        ("gpt-4.1", (1024, 1024), 765),
        ("gpt-4-turbo", (1024, 1024), 765),
        ("gpt-4o", (512, 512), 85 + 170),
        ("gpt-4o", (1, 1), 85 + 170),
        ("gpt-4o", (513, 512), 85 + 2 * 170),
        ("gpt-4o-mini", (1024, 1024), 2833 + 4 * 5667),
        ("o1", (1024, 1024), 75 + 4 * 150),
        ("o3", (2048, 4096), 75 + 6 * 150),
        ("gpt-5", (1024, 1024), 70 + 4 * 140),
        ("gpt-4.1-mini", (1024, 1024), 1659),  # 1024 patches * 1.62
        ("gpt-4.1-nano", (1024, 1024), 2520),  # 1024 * 2.46
        ("o4-mini", (1024, 1024), 1762),  # 1024 * 1.72
        ("gpt-4.1-mini", (1800, 2400), 2353),  # 1452 * 1.62
        ("o4-mini", (2400, 1800), 2498),  # 1452 * 1.72
        ("gpt-5-nano", (33, 32), 5),  # 2 * 2.46
        ("my/llava", (1024, 1024), 765),
    ],
)
def test_an_image_costs_what_is_published(model, size, tokens):
    assert tokenizer(model).tokens(size) == tokens


def test_patches_are_those_of_the_published_examples():
    assert Patches(1).tokens((1024, 1024)) == 1024
    assert Patches(1).fit((1800, 2400)) == (1056, 1408)
    assert Patches(1).tokens((1800, 2400)) == 33 * 44 == 1452


sides = st.integers(1, 20_000)
tokenizers = st.sampled_from([Tiles(), Patches(1.62), Bounded()])


@given(tokenizers, st.tuples(sides, sides))
def test_fitting_never_enlarges_and_keeps_the_shape(kind, size):
    width, height = kind.fit(size)
    assert 1 <= width <= size[0]
    assert 1 <= height <= size[1]
    factor = max(width, height) / max(size)
    assert abs(min(width, height) - min(size) * factor) <= 1


@given(tokenizers, st.tuples(sides, sides))
def test_a_fitted_image_fits_and_costs_the_same(kind, size):
    fitted = kind.fit(size)
    assert kind.tokens(fitted) == kind.tokens(size)
    assert max(fitted) <= 2048 or isinstance(kind, Patches)


@given(st.tuples(sides, sides))
def test_tokens_have_an_upper_bound(size):
    assert Tiles().tokens(size) <= 85 + 170 * 8
    assert Patches(1).tokens(size) <= 1536


# Prices


@pytest.mark.parametrize(
    ("model", "like"),
    [
        ("gpt-4o-2024-11-20", "gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4.1-nano-2025-04-14", "gpt-4.1-nano"),
        ("o4-mini-2025-04-16", "o4-mini"),
    ],
)
def test_a_dated_snapshot_costs_what_its_model_costs(model, like):
    assert price(model) == price(like)


def test_the_longest_prefix_decides():
    assert price("gpt-4o-2024-05-13") == Price(5.00, 15.00)
    assert price("gpt-4o-2024-05-13") != price("gpt-4o")
    assert price("gpt-4o-mini") != price("gpt-4o")


@pytest.mark.parametrize("model", ["", "gpt", "gpt-4o-audio-preview", "gpt-4oo", "my/llava", "openai/gpt-4o", "GPT-4O"])
def test_an_unknown_model_has_no_price_and_is_told_of_the_flag(model):
    with pytest.raises(UsageError, match=r"give --price IN,OUT"):
        price(model)


@pytest.mark.parametrize(
    ("model", "usage", "nano"),
    [
        ("gpt-4o", Usage(prompt_tokens=1, completion_tokens=0), 2_500),
        ("gpt-4o", Usage(prompt_tokens=1_000_000, completion_tokens=1_000_000), 12_500_000_000),
        ("gpt-4o", Usage(prompt_tokens=1000, cached_tokens=600), 400 * 2_500 + 600 * 1_250),
        ("gpt-4o-mini", Usage(prompt_tokens=1), 150),
        ("gpt-4o-mini", Usage(prompt_tokens=3, completion_tokens=7), 3 * 150 + 7 * 600),
        ("gpt-5-nano", Usage(prompt_tokens=1, cached_tokens=1), 5),
        ("gpt-4o-2024-05-13", Usage(prompt_tokens=10, cached_tokens=10), 50_000),
        ("gpt-4o", Usage(prompt_tokens=5, cached_tokens=9), 5 * 1_250),
    ],
)
def test_a_call_costs_what_the_table_says(model, usage, nano):
    assert price(model).cost(usage) == nano


@pytest.mark.parametrize(("dollars", "nano"), [(0.0001, 1), (0.001, 1), (0.0011, 2), (0.0019, 2)])
def test_a_part_of_a_nano_dollar_is_rounded_up(dollars, nano):
    assert Price(dollars, 0).cost(Usage(prompt_tokens=1)) == nano


@given(usages(), usages())
def test_more_tokens_never_cost_less(one, other):
    both = Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
    )
    assert 0 <= price("gpt-4o").cost(one) <= price("gpt-4o").cost(both)
    assert FREE.cost(one) == 0


# The budget

amounts = st.integers(0, 60)


@given(
    limit=st.integers(0, 200),
    jobs=st.lists(st.tuples(amounts, amounts, st.integers(0, 4), st.integers(0, 4)), max_size=25),
)
def test_spent_and_held_never_pass_the_limit(limit, jobs):
    budget = Budget(limit)
    done, stopped = [], []

    async def job(held, spent, before, during):
        for _ in range(before):
            await asyncio.sleep(0)
        try:
            await budget.hold(held)
        except StoppedError:
            assert budget.spent + held > limit
            stopped.append(held)
            return
        for _ in range(during):
            assert budget.spent + budget.held <= limit
            await asyncio.sleep(0)
        budget.settle(held, min(held, spent))
        done.append(min(held, spent))
        assert budget.spent + budget.held <= limit

    async def run():
        await asyncio.wait_for(asyncio.gather(*(job(*each) for each in jobs)), 10)

    asyncio.run(run())
    assert len(done) + len(stopped) == len(jobs)
    assert (budget.spent, budget.held) == (sum(done), 0)


def test_a_request_waits_while_others_may_give_back_what_they_hold():
    async def run():
        budget = Budget(100)
        await budget.hold(60)
        second = asyncio.create_task(budget.hold(60))
        await asyncio.sleep(0)
        assert not second.done()
        budget.settle(60, 10)
        await second
        assert (budget.spent, budget.held) == (10, 60)

    asyncio.run(run())


def test_a_request_that_no_waiting_helps_is_stopped_with_the_reason():
    async def run():
        budget = Budget(NANO)
        await budget.hold(NANO)
        second = asyncio.create_task(budget.hold(1))
        await asyncio.sleep(0)
        budget.settle(NANO, NANO)
        with pytest.raises(StoppedError, match=r"--max-cost: \$1\.0000 spent .* the limit is \$1\.0000"):
            await second

    asyncio.run(run())


def test_a_waiter_that_is_cancelled_holds_nothing():
    async def run():
        budget = Budget(100)
        await budget.hold(100)
        second = asyncio.create_task(budget.hold(50))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        budget.settle(100, 0)
        assert (budget.spent, budget.held) == (0, 0)

    asyncio.run(run())


def test_without_a_limit_nothing_waits():
    async def run():
        budget = Budget()
        for amount in itertools.repeat(NANO, 100):
            await budget.hold(amount)
        assert budget.held == 100 * NANO

    asyncio.run(run())
