"""The model families: one file each, which knows how a vision-language model is loaded, spoken to and taken apart.

A family has a `Renderer`, which turns texts and images into what the model takes, exactly as the model's own chat
template and processor do, without weights; and a few facts about its modules. `open_model` puts both together.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, cast

import torch
from PIL.Image import Image
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from curation import registry
from curation.errors import UsageError
from curation.families import _files
from schemas.trace import STAGES

GROUPS = (*(stage.value for stage in STAGES), "tags")
"""What a trained token can belong to; the last is for tags, the white space between stages, and the end of the turn."""


class Size(NamedTuple):
    """Pixels of an image."""

    width: int
    height: int


class Exchange(NamedTuple):
    """An earlier turn of the same conversation."""

    question: str
    answer: str


class Answer(NamedTuple):
    """An answer as it is trained on, the ids that end the turn included."""

    ids: list[int]
    groups: list[int]
    """Index into GROUPS, for each id."""


class Example(NamedTuple):
    """A prompt and, in training, its answer."""

    ids: list[int]
    """Of the prompt, image placeholders expanded, then of the answer."""
    prompt: int
    """How many ids belong to the prompt: the rest is what the loss is taken on, and nothing else is."""
    groups: list[int]
    """Index into GROUPS for each id of the answer."""
    pixels: dict[str, Tensor]
    """What `Renderer.pixels` gave for the images of this example, in their order; empty where there are none."""


class Renderer(Protocol):
    """Texts and images to tensors. Holds no weights and can be pickled, so that workers can have it."""

    tokenizer: PreTrainedTokenizerFast
    image_token_id: int
    """Placeholder of an image in the ids; never a label, never sampled."""
    stop_ids: frozenset[int]
    """Ids that end generation."""

    def image_tokens(self, size: Size) -> int:
        """Return how many placeholders an image takes, from its size alone."""

    def prompt(self, text: str, sizes: Sequence[Size] = (), earlier: Sequence[Exchange] = ()) -> list[int]:
        """Return the ids up to where the answer begins: images first, then the text, as one user turn.

        With `earlier`, the images stand in the first turn, and the conversation so far comes before this turn.
        Tags and special tokens that are written in the text are text.
        """

    def answer(self, text: str) -> Answer:
        """Return the ids of an answer and of the end of its turn, with the stage that each belongs to."""

    def pixels(self, images: Sequence[Image]) -> dict[str, Tensor]:
        """Return what the image processor makes of the images of one example."""

    def pixels_of_each(self, examples: Sequence[Sequence[Image]]) -> list[dict[str, Tensor]]:
        """Return the same for each example, to the last bit, in one call of the image processor.

        The tensors of one example share no memory with those of another. Each example has an image.
        """

    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """Return a batch, padded on the right, as keyword arguments of the model's forward.

        `input_ids` and `attention_mask` are [B, T]. All examples have images, or none has.
        """

    def save(self, folder: Path) -> None:
        """Write tokenizer, template and image processor as `from_pretrained` reads them."""


Part = Literal["vision", "cross", "self"]
"""What can be frozen: the vision encoder with its projector; the layers that look at the image; the rest of the
language model, embeddings and head included.

Each parameter is in one part. A family without cross-attention layers has no `cross`.
"""


class ModelFamily(Protocol):
    """What a file in this folder defines."""

    MODEL_TYPES: tuple[str, ...]
    """Values of `model_type` in config.json that it takes."""
    LANES: Literal["cross", "prefix"]
    """How the search keeps an image: as keys and values of cross-attention layers, or as tokens of the prompt."""
    LORA_TARGETS: str
    """Regular expression that is fully matched with the names of modules."""

    def renderer(self, source: str | Path) -> Renderer:
        """Load tokenizer, template and image processor. Raises MissingError for a folder that lacks one of them."""

    def load(self, source: str | Path, dtype: torch.dtype) -> PreTrainedModel:
        """Load the weights. Raises MissingError where there are none, DataError where they don't fit the config."""

    def parts(self, config: Any) -> dict[Part, str]:
        """Return, for each part, a regular expression that is searched in the names of parameters."""

    def blocks(self, model: PreTrainedModel) -> list[nn.Module]:
        """Return the layers that are sharded, and recomputed, one by one."""

    def flops(self, config: Any, text_tokens: int, image_tokens: int) -> float:
        """Return the floating point operations of a forward pass over one example, logits at all tokens included.

        `image_tokens` counts the placeholders of images in the ids, `text_tokens` all other ids. A multiplication and
        an addition are two.
        """


class VisionModel(NamedTuple):
    """A model that can be trained, asked and searched with."""

    family: str
    source: str
    """Hub id or folder that it was loaded from."""
    model: PreTrainedModel
    renderer: Renderer


def get(name: str) -> ModelFamily:
    """Return the family of that name. Raises UsageError for an unknown one."""
    return cast("ModelFamily", registry.load(__name__, name))


def detect(source: str | Path) -> str:
    """Return the family of a folder or of a model on the Hub, as its config.json tells.

    Raises MissingError where there is no config, UsageError where it is that of no family.
    """
    found = _files.config(source)
    families = registry.names(__name__)
    own = getattr(found, "curation_family", None)
    taking = [name for name in families if own == name or (own is None and found.model_type in get(name).MODEL_TYPES)]
    if not taking:
        raise UsageError(f"{source} is a {found.model_type} model; the known families are {', '.join(families)}")
    return taking[0]


def open_model(
    source: str | Path, family: str = "auto", dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> VisionModel:
    """Load a model, ready to be asked, from a folder or the Hub.

    Raises UsageError for the checkpoint of another family, MissingError for one that lacks something, and DataError for
    one whose weights do not fit.
    """
    disable_progress_bar()
    detected = detect(source)
    if family.replace("_", "-") not in {"auto", detected}:
        raise UsageError(f"{source} is of the family {detected}, not {family}; leave the family out")
    plugin = get(detected)
    renderer = plugin.renderer(source)
    model = cast("nn.Module", plugin.load(source, dtype)).to(device).eval()
    return VisionModel(detected, str(source), cast("PreTrainedModel", model), renderer)
