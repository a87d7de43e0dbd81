"""Several processes that train one model: FSDP2 on the blocks of the family, gloo on CPUs, NCCL between GPUs."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

from curation.training.settings import Settings


class World(NamedTuple):
    """The processes of this run, and which of them this is."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the sum over all ranks of a tensor, on the CPU."""
        tensor = tensor.cpu()
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def first_says(self, value: Any) -> Any:
        """Return what rank 0 gives, on every rank. Raises on every rank what rank 0 gives as an exception."""
        if self.size > 1:
            values = [value]
            dist.broadcast_object_list(values, src=0, device=torch.device("cpu"))
            value = values[0]
        if isinstance(value, Exception):
            raise value
        return value

    def all_say(self, value: Any) -> list[Any]:
        """Return what each rank gives, in their order."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        dist.all_gather_object(values, value)
        return values


@contextmanager
def joined() -> Iterator[World]:
    """Join the processes that `torchrun` started; a process that it did not start is alone."""
    size, rank, local = (int(os.environ.get(name, default)) for name, default in _ENVIRONMENT)
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if size == 1:
        yield World(device=device)
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
    try:
        yield World(rank, size, device)
    finally:
        dist.destroy_process_group()


_ENVIRONMENT = (("WORLD_SIZE", 1), ("RANK", 0), ("LOCAL_RANK", 0))


def shard(root: nn.Module, blocks: Sequence[nn.Module], settings: Settings, world: World) -> None:
    """Share the parameters out among the ranks, block by block; gradients are reduced in fp32."""
    half = torch.bfloat16 if settings.precision == "bf16" else None
    policy = MixedPrecisionPolicy(param_dtype=half, reduce_dtype=torch.float32)
    mesh = init_device_mesh(world.device.type, (world.size,))
    for block in blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(root, mesh=mesh, mp_policy=policy)


def plain(tensor: Tensor) -> Tensor:
    """Return the whole of a tensor that may be shared out; every rank has to ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def whole(model: nn.Module) -> dict[str, Tensor]:
    """Return all parameters of a model that is shared out, on the CPU; every rank has to ask."""
    return {name: plain(parameter.detach()).cpu() for name, parameter in model.named_parameters()}
