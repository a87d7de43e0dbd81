"""What the renderers of all families share: everything but the images."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from curation.errors import DataError
from curation.families import Answer, Example, Exchange, Size
from curation.families._chat import Chat
from curation.families._files import Files, token_id
from schemas.halves import whole


class ChatRenderer(ABC):
    """A Renderer without its images: a family says how many tokens they take, and how they are batched."""

    def __init__(self, files: Files, image_token: str) -> None:
        self.tokenizer = files.tokenizer
        self.image_processor: Any = files.image_processor
        self._chat = Chat(files.tokenizer)
        self.image_token_id = token_id(files.tokenizer, image_token)
        self.stop_ids = self._chat.stop_ids | files.stop_ids

    @abstractmethod
    def image_tokens(self, size: Size) -> int:
        """Return how many placeholders an image takes, from its size alone."""

    @abstractmethod
    def pixels_of_each(self, examples: Sequence[Sequence[Image]]) -> list[dict[str, Tensor]]:
        """Return what the image processor makes of the images of each example, in one call."""

    @abstractmethod
    def _images(self, examples: Sequence[Example], input_ids: Tensor) -> dict[str, Tensor]:
        """Return what the forward takes for the images of a batch of which all examples have some."""

    def prompt(self, text: str, sizes: Sequence[Size] = (), earlier: Sequence[Exchange] = ()) -> list[int]:
        """Return the ids up to where the answer begins, as the contract says."""
        before = [Exchange(*map(whole, each)) for each in earlier]
        ids = self._chat.prompt(whole(text), len(sizes), before)
        if ids.count(self.image_token_id) != len(sizes):
            raise DataError(f"{self.tokenizer.name_or_path}: the chat template does not place {len(sizes)} images")
        counts = iter([self.image_tokens(size) for size in sizes])
        return [*chain.from_iterable([i] * next(counts) if i == self.image_token_id else [i] for i in ids)]

    def answer(self, text: str) -> Answer:
        """Return the ids of an answer and of the end of its turn, with the stage that each belongs to."""
        return self._chat.answer(whole(text))

    def pixels(self, images: Sequence[Image]) -> dict[str, Tensor]:
        """Return what the image processor makes of the images of one example."""
        (pixels,) = self.pixels_of_each([images])
        return pixels

    def collate(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """Return a batch, padded on the right, as keyword arguments of the model's forward."""
        lengths = torch.tensor([len(example.ids) for example in examples])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        input_ids = torch.full(mask.shape, self._padding())
        input_ids[mask] = torch.tensor([*chain.from_iterable(example.ids for example in examples)])
        batch = {"input_ids": input_ids, "attention_mask": mask.long()}
        with_images = [bool(example.pixels) for example in examples]
        if any(with_images) != all(with_images):
            raise ValueError("a batch holds examples with images, or examples without, not both")
        return {**batch, **self._images(examples, input_ids)} if all(with_images) else batch

    def save(self, folder: Path) -> None:
        """Write tokenizer, template and image processor as `from_pretrained` reads them."""
        self.tokenizer.save_pretrained(folder)
        self.image_processor.save_pretrained(folder)

    def _padding(self) -> int:
        padding = self.tokenizer.pad_token_id
        return int(min(self.stop_ids) if padding is None else padding)


def parted(tensor: Tensor, counts: Sequence[int]) -> list[Tensor]:
    """Return so many rows for each example, in memory of their own: what is kept of one would keep all."""
    return [part.clone() for part in tensor.split(list(counts))]


def concatenated(examples: Sequence[Example], name: str) -> Tensor:
    """Return the tensors of that name of all examples, one after the other."""
    return torch.cat([example.pixels[name] for example in examples])
