"""Layers of a transformers cache whose rows have own lengths.

Token j of a row stands in column j of its buffer. What is behind a row's length is stale and never looked at, so
nothing is padded on the left, cropped or moved: a row is forked by copying its columns.
"""

from typing import Any, NamedTuple, cast

from torch import Tensor
from transformers.cache_utils import CacheLayerMixin


class Place(NamedTuple):
    """Where the keys and values of one forward pass go, and what it looks at."""

    rows: Tensor
    """[B]"""
    everyone: bool
    """Whether these are all rows, in order, which are then read without a copy."""
    columns: Tensor
    """[B, T]"""
    view: int
    """Columns that the pass looks at: those before this one."""


class RowLayer(CacheLayerMixin):  # type: ignore[no-untyped-call, unused-ignore]
    """Keys and values of self-attention, [rows, heads, capacity, size], that double when they are full."""

    is_compileable = False
    is_sliding = False
    is_croppable = False

    def __init__(self, rows: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows = rows
        self.place: Place | None = None

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Make room for keys [B, heads, T, size] and values alike."""
        self.keys = key_states.new_zeros(self.rows, key_states.shape[1], 0, key_states.shape[3])
        self.values = value_states.new_zeros(self.rows, value_states.shape[1], 0, value_states.shape[3])
        self.is_initialized = True

    def reserve(self, columns: int) -> None:
        """Make room for so many columns, and for as many again."""
        keys, values = self.buffers()
        if columns > keys.shape[2]:
            capacity = max(columns + 32, 2 * keys.shape[2])
            self.keys = _longer(keys, capacity)
            self.values = _longer(values, capacity)

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write the keys and values of this pass, and return those that it looks at."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        place = cast("Place", self.place)
        self.reserve(place.view)
        keys, values = self.buffers()
        keys[place.rows[:, None], :, place.columns] = key_states.transpose(1, 2)
        values[place.rows[:, None], :, place.columns] = value_states.transpose(1, 2)
        if place.everyone:
            return keys[:, :, : place.view], values[:, :, : place.view]
        return keys[place.rows, :, : place.view], values[place.rows, :, : place.view]

    def take(self, other: "RowLayer", source: Tensor, target: Tensor, columns: int) -> None:
        """Copy the first columns of some rows of another layer, or of this one."""
        theirs, their_values = other.buffers()
        if not self.is_initialized:
            self.lazy_initialization(theirs, their_values)
        self.reserve(columns)
        keys, values = self.buffers()
        keys[target, :, :columns] = theirs[source, :, :columns]
        values[target, :, :columns] = their_values[source, :, :columns]

    def buffers(self) -> tuple[Tensor, Tensor]:
        """Return keys and values, which must have been made."""
        return cast("Tensor", self.keys), cast("Tensor", self.values)

    def get_seq_length(self) -> int:
        """Return the columns that the pass looks at; own lengths are the owner's."""
        return self.place.view if self.place else 0

    def get_max_length(self) -> int:
        """Return -1: a row has no longest length."""
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:  # noqa: ARG002 - the name is transformers'
        """Return how many columns a mask covers, and where it begins."""
        return self.get_seq_length(), 0


def _longer(buffer: Tensor, capacity: int) -> Tensor:
    longer = buffer.new_zeros(*buffer.shape[:2], capacity, buffer.shape[3])
    longer[:, :, : buffer.shape[2]] = buffer
    return longer


class CrossLayer(CacheLayerMixin):  # type: ignore[no-untyped-call, unused-ignore]
    """Keys and values of the images, [lanes, heads, vision tokens, size]: once a question, whatever rows it has."""

    is_compileable = False
    is_sliding = False
    is_croppable = False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Keep what the first pass gives."""
        self.keys, self.values = key_states, value_states
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Keep the keys and values of all lanes."""
        self.lazy_initialization(key_states, value_states)
        return key_states, value_states

    def select(self, lanes: Tensor) -> "CrossLayer":
        """Return a layer with some of the lanes."""
        chosen = CrossLayer()
        chosen.lazy_initialization(cast("Tensor", self.keys)[lanes], cast("Tensor", self.values)[lanes])
        return chosen

    def get_seq_length(self) -> int:
        """Return the number of vision tokens."""
        return 0 if self.keys is None else self.keys.shape[2]

    def get_max_length(self) -> int:
        """Return -1, which is none."""
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:  # noqa: ARG002 - the name is transformers'
        """Return how many tokens a mask covers, and where it begins."""
        return self.get_seq_length(), 0
