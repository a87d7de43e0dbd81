"""Train a vision-language model on a release."""

import os
from importlib import util
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from cyclopts import Group, Parameter
from pydantic import BeforeValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from curation import release
from curation.config import ManyInOne, Report, Table, WorkspaceConfig, split_commas
from curation.errors import CurationError, DataError, Exit, MissingError, UsageError
from curation.progress import live
from curation.releases.unpacking import unpacked
from schemas.trace import STAGES

if TYPE_CHECKING:
    from curation.families import VisionModel
    from curation.training import Data, Place, Settings
    from curation.training.shards import World

_PACE = Group("How long, how fast it learns", sort_key=2)
_ROOM = Group("Time and memory; the result stays the same but for rounding", sort_key=3)
_LOG = Group("Evaluations and checkpoints", sort_key=4)


class Config(WorkspaceConfig):
    """Flags of `train`."""

    release: Path = Field(
        description="Release to train on; one that is not of the format jsonl is unpacked into the workspace first."
    )
    model: str | None = Field(None, description="Model to train: a folder, or an id on the Hub.")
    family: str = Field("auto", description="Family of the model; `tiny` without --model makes a new small one.")
    arm: Literal["curated", "raw", "direct", "no-tags"] = Field(
        "curated",
        description="What to answer: the stages of traces without an error, of all traces, the answer alone, or the "
        "stages without tags; all arms but raw take the same turns, and every arm has the same order and steps.",
    )
    out: Path | None = Field(
        None, description="Folder of the run; the same command goes on in it [default: runs/… in the workspace]."
    )
    recipe: Literal["own", "paper"] = Field("own", description="Where the defaults come from; paper: LLaVA-CoT's.")
    freeze: Annotated[tuple[Literal["vision", "cross", "self"], ...], BeforeValidator(split_commas), ManyInOne] = Field(
        (), description="Parts not to train: vision, cross, self; several as A,B."
    )
    lora: NonNegativeInt = Field(0, description="Train adapters of this rank, not the weights; 0 for none.")
    seed: NonNegativeInt | None = Field(None, description="Seed of order and weights [default: 0; paper 42].")
    max_tokens: PositiveInt | None = Field(
        None, description="Longest row, images included [default: 4096, or what the model can]."
    )
    overlong: Literal["truncate", "drop"] = Field("drop", description="What to do with longer rows.")

    steps: Annotated[PositiveInt | None, Parameter(group=_PACE)] = Field(
        None, description="Steps [default: 2000 for a new tiny model, else 3 epochs]."
    )
    epochs: Annotated[PositiveFloat | None, Parameter(group=_PACE)] = Field(
        None, description="Instead of --steps: passes over all turns of the release, flagged ones included."
    )
    batch: Annotated[PositiveInt | None, Parameter(group=_PACE)] = Field(
        None, description="Items a step, over all processes [default: 16 for a new tiny model, else 32]."
    )
    lr: Annotated[PositiveFloat | None, Parameter(group=_PACE)] = Field(
        None, description="Peak learning rate [default: 1e-3 for a new tiny model, 1e-4 with --lora, else 1e-5]."
    )
    schedule: Annotated[Literal["cosine", "linear", "constant", "step"] | None, Parameter(group=_PACE)] = Field(
        None, description="How it falls; step: x 0.85 after each epoch [default: cosine; paper step]."
    )
    warmup: Annotated[NonNegativeInt | None, Parameter(group=_PACE)] = Field(
        None, description="Steps of its rise [default: 50 for a new tiny model, else 3 %; paper 0]."
    )
    weight_decay: Annotated[NonNegativeFloat | None, Parameter(group=_PACE)] = Field(
        None, description="Decay [default: 0.05 for a new tiny model, else 0]."
    )
    clip: Annotated[NonNegativeFloat | None, Parameter(group=_PACE)] = Field(
        None, description="Largest norm of the gradient, 0 for any [default: 1; paper 0]."
    )

    micro_tokens: Annotated[PositiveInt, Parameter(group=_ROOM)] = Field(
        8192, description="Tokens that are in memory at a time; an image counts as many as cost what it does."
    )
    recompute: Annotated[bool, Parameter(group=_ROOM)] = Field(
        False, description="Keep less for the backward pass, and compute it again."
    )
    precision: Annotated[Literal["auto", "bf16", "fp32"], Parameter(group=_ROOM)] = Field(
        "auto", description="Of the computation, weights are kept in fp32 [auto: bf16 on a GPU]."
    )
    threads: Annotated[PositiveInt | None, Parameter(group=_ROOM)] = Field(
        None, description="Threads of PyTorch on a CPU [default: 1 for a new tiny model, else its own choice]."
    )
    workers: Annotated[NonNegativeInt | None, Parameter(group=_ROOM)] = Field(
        None, description="Processes that make batches ready, 0 for none [default: 2, at most the cores but one]."
    )
    cache_mb: Annotated[NonNegativeInt, Parameter(group=_ROOM)] = Field(
        1024, description="MiB for processed images, over all workers."
    )

    eval_every: Annotated[NonNegativeInt, Parameter(group=_LOG)] = Field(
        0, description="Steps between evaluations on the validation split; 0 for one at the end."
    )
    save_every: Annotated[PositiveInt, Parameter(group=_LOG)] = Field(
        500, description="Steps between checkpoints; the last two are kept."
    )


class TrainReport(Report):
    """What a run of `train` did."""

    out: Path
    arm: str
    steps: int
    parameters: int
    trained_parameters: int
    turns: int
    """Turns of the train split that the arm takes."""
    flagged: int
    """Turns whose trace has an open error."""
    counts: dict[str, int]
    train: dict[str, Any] | None
    held_out: dict[str, Any] | None
    unreadable: tuple[str, ...]
    seconds: float
    seconds_per_step: float

    @property
    def exit_code(self) -> Exit:
        """1 where an image could not be read, or steps were dropped; else 0."""
        failed = self.counts.get("unreadable", 0) + self.counts.get("skipped_steps", 0)
        return Exit.FAILURES if failed else Exit.DONE

    def tables(self) -> list[Table]:
        """Return the losses by stage and by source."""
        kinds = [("train (last steps)", self.train), ("validation", self.held_out)]
        found = [(name, losses) for name, losses in kinds if losses]
        stages = [*(stage.value for stage in STAGES), "tags"]
        by_stage = [(name, _shown(losses["loss"]), *(_shown(losses["stages"].get(s)) for s in stages))
                    for name, losses in found]  # fmt: skip
        by_source = [
            (name, source, _shown(loss)) for name, losses in found for source, loss in losses["sources"].items()
        ]
        return [
            Table("loss (nats a token)", ("on", "all", *stages), by_stage),
            Table("loss by source", ("on", "source", "loss"), by_source),
        ]

    def lines(self) -> list[str]:
        """Return where the model is, and what was left out."""
        counts = self.counts
        what = f"{self.trained_parameters:,} of {self.parameters:,} parameters, {self.turns:,} turns"
        pace = f"{self.steps:,} steps, {self.seconds_per_step * 1e3:,.0f} ms each"
        lines = [f"{self.out / 'model'}: {what}, {pace}."]
        if self.arm == "raw" and not self.flagged:
            lines.append("No trace of this release has an error, so the arm raw is the same as curated.")
        if self.held_out is None:
            lines.append("The release has no validation split: nothing was held out.")
        lines += [f"{counts[name]:,} times a row was {name}: it is longer than --max-tokens."
                  for name in ("dropped", "truncated") if counts.get(name)]  # fmt: skip
        if counts.get("skipped_steps"):
            lines.append(
                f"{counts['skipped_steps']:,} steps were dropped: nothing in them, or loss or gradient not finite."
            )
        if counts.get("unreadable"):
            named = ", ".join(self.unreadable[:5])
            lines.append(f"{counts['unreadable']:,} times an image could not be read ({named}); log.jsonl names all.")
        return lines


def _shown(loss: float | None) -> str:
    return "" if loss is None else f"{loss:.4f}"


def run(*, config: Annotated[Config, Parameter(name="*")]) -> TrainReport | None:
    """Train a vision-language model on a release, and leave a folder that plain `from_pretrained` loads.

    Killed or stopped with Ctrl-C, the same command goes on from the last checkpoint, exactly. On several GPUs:
    `torchrun --nproc-per-node 8 -m curation train …`.

    From nothing, on a CPU: `train --release DIR --family tiny`.
    """
    digest = release.prove(config.release)
    if config.steps and config.epochs:
        raise UsageError("--steps and --epochs both say how long: give one of them")
    if config.model is None and config.family != "tiny":
        raise UsageError("--model names the model to train; --family tiny without it makes a new small one")
    if util.find_spec("torch") is None or util.find_spec("transformers") is None:
        raise MissingError("train needs PyTorch and transformers: pip install 'curation-workbench[train]'")
    from curation.training.shards import joined  # noqa: PLC0415 - takes seconds, and --help needs none of it

    with joined() as world:
        return _train(config, digest, world)


def _train(config: Config, digest: str, world: "World") -> TrainReport | None:
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    from curation.training import Data, fit, index  # noqa: PLC0415
    from curation.training.results import finished  # noqa: PLC0415

    transformers.utils.logging.disable_progress_bar()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the workers are forked
    if threads := config.threads or (1 if config.model is None else None):
        torch.set_num_threads(threads)
    records = _records(config, digest, world)
    data = Data(index(records, "train"), index(records, "validation"))
    if not len(data.train.lengths):
        raise DataError(f"{config.release} has no turn with a trace in its split train: export it with other --splits")
    model = _open(config, records, str(world.device))
    settings = _settings(config, data, model, world)
    place = _place(config, settings, model, digest)
    outcome = finished(place, settings) or fit(model, data, settings, place, world)
    if world.rank:
        return None
    losses = {"train": outcome.train, "held_out": outcome.held_out}
    return TrainReport(
        out=place.out,
        arm=config.arm,
        turns=int(data.train.taken(config.arm).sum()),
        flagged=int(data.train.flagged.sum()),
        **outcome.model_dump(exclude={*losses}),
        **{name: loss and loss.model_dump() for name, loss in losses.items()},
    )


def _records(config: Config, digest: str, world: "World") -> Path:
    """Return where the records are; the first process unpacks them where they have to be."""
    found: Path | CurationError | None = None
    if not world.rank:
        try:
            with live("train") as advance:
                found = unpacked(config.release, digest, config.workspace / "unpacked", advance)
        except CurationError as error:
            found = error
    place: Path = world.first_says(found)
    return place


def _open(config: Config, records: Path, device: str) -> "VisionModel":
    """Load the model with fp32 masters, or make a new tiny one from what the records say."""
    from curation.families import open_model, tiny  # noqa: PLC0415
    from curation.training.records import texts  # noqa: PLC0415

    if config.model is not None:
        return open_model(config.model, config.family, device=device)
    model = tiny.create(texts(records, "train"), _seed(config))
    model.model.to(device)  # type: ignore[arg-type]
    return model


def _seed(config: Config) -> int:
    return config.seed if config.seed is not None else 42 if config.recipe == "paper" else 0


class _Defaults(NamedTuple):
    """Hyperparameters of a recipe; `warmup` in parts of the steps, unless there are that many."""

    batch: int
    lr: float
    schedule: Literal["cosine", "step"]
    warmup: float
    weight_decay: float
    clip: float
    betas: tuple[float, float]
    steps: int | None
    """None for three epochs."""


_PAPER = _Defaults(32, 1e-5, "step", 0, 0.0, 0.0, (0.9, 0.999), None)
"""arXiv 2411.10440 and llama-cookbook: 8 GPUs with 4 items each, StepLR, no warm-up, no clipping."""
_PRETRAINED = _Defaults(32, 1e-5, "cosine", 0.03, 0.0, 1.0, (0.9, 0.999), None)
_NEW = _Defaults(16, 1e-3, "cosine", 50, 0.05, 1.0, (0.9, 0.98), 2000)


def _settings(config: Config, data: "Data", model: "VisionModel", world: "World") -> "Settings":
    """Fill in what no flag says."""
    from curation.training import Settings  # noqa: PLC0415

    defaults = _PAPER if config.recipe == "paper" else _PRETRAINED if config.model else _NEW
    if config.lora and config.recipe == "own":
        defaults = defaults._replace(lr=max(defaults.lr, 1e-4))
    batch = config.batch or defaults.batch
    epoch = len(data.train.lengths) / batch
    steps = config.steps or (defaults.steps if not config.epochs else None) or ceil((config.epochs or 3) * epoch)
    context = model.model.config.get_text_config().max_position_embeddings
    values: dict[str, Any] = {
        "steps": steps,
        "batch": batch,
        "epoch": epoch,
        "betas": defaults.betas,
        "seed": _seed(config),
        "precision": _precision(config, world),
        "max_tokens": config.max_tokens or min(4096, context),
        "workers": min(2, (os.cpu_count() or 1) - 1) if config.workers is None else config.workers,
        "warmup": round(defaults.warmup if defaults.warmup >= 1 else defaults.warmup * steps),
    }
    for name in ("lr", "schedule", "weight_decay", "clip"):
        values[name] = getattr(defaults, name)
    given = config.model_dump(include=set(Settings.model_fields), exclude={*_RESOLVED}, exclude_none=True)
    return Settings.model_validate(values | given)


_RESOLVED = ("steps", "batch", "seed", "precision", "max_tokens", "workers")


def _precision(config: Config, world: "World") -> str:
    if config.precision == "auto":
        return "bf16" if world.device.type == "cuda" else "fp32"
    return config.precision


def _place(config: Config, settings: "Settings", model: "VisionModel", digest: str) -> "Place":
    from curation.training import Place  # noqa: PLC0415

    name = f"{config.release.resolve().name}-{config.arm}-{settings.seed}"
    source = Path(config.model).name if config.model and Path(config.model).is_dir() else config.model or "new"
    identity = {"release": digest, "family": model.family, "model": source}
    return Place(config.out or config.workspace / "runs" / name, identity)
