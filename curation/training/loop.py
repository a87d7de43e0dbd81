"""The loop: steps, each of them finished or dropped; a line of log, an evaluation and a checkpoint at their times."""

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from curation import families
from curation.errors import CurationError, StoppedError, UsageError
from curation.families import Size, VisionModel
from curation.progress import Advance, live
from curation.training import checkpoint, parts, results, shards
from curation.training.batches import Batch, Budget
from curation.training.checkpoint import State, Trained
from curation.training.feed import Steps, Taken, feed
from curation.training.held_out import HeldOut
from curation.training.items import Items
from curation.training.log import EVERY, Log, Meter
from curation.training.objective import Objective, Sums
from curation.training.order import Order
from curation.training.outcome import Losses, Outcome
from curation.training.precision import computing
from curation.training.records import Rows
from curation.training.results import Place
from curation.training.settings import Settings
from curation.training.shards import World
from curation.training.stopping import Wish, occupied, room, stoppable
from curation.training.updates import Update, Updater


class Data(NamedTuple):
    """What is trained on, and what is held out."""

    train: Rows
    validation: Rows | None = None


ALONE = World()


def fit(
    model: VisionModel, data: Data, settings: Settings, place: Place | None = None, world: World = ALONE
) -> Outcome:
    """Train the model, in place; with a place, from its last checkpoint on, and leave the weights in `<out>/model`.

    Raises UsageError for an empty arm, a place that is in use or holds another run, and where memory is too small;
    DataError for a damaged checkpoint and for losses that stay not finite; StoppedError at Ctrl-C, after a checkpoint.
    """
    with ExitStack() as stack:
        _occupy(stack, place, world)
        run = _Run(model, data, settings, place, world)
        stack.callback(run.log.close)
        blocks = families.get(model.family).blocks(model.model)
        stack.enter_context(parts.recomputed(blocks, wanted=settings.recompute))
        outcome = run.train()
        if place:
            run.save_model(place)
            if world.rank == 0:
                results.write(place, settings, outcome)
        elif run.adapters:
            run.adapters.merge_and_unload()
        world.all_say(None)
    model.model.eval()
    return outcome


def _occupy(stack: ExitStack, place: Place | None, world: World) -> None:
    """Hold the place; where it is held, every rank hears of it."""
    fault: CurationError | None = None
    try:
        if place and world.rank == 0:
            stack.enter_context(occupied(place.out))
    except CurationError as error:
        fault = error
    world.first_says(fault)


class _Run:
    """One run: all that its steps share."""

    def __init__(self, model: VisionModel, data: Data, settings: Settings, place: Place | None, world: World) -> None:
        self.model, self.settings, self.place, self.world = model, settings, place, world
        self.adapters = parts.prepare(model, settings)
        parameters = list(model.model.parameters())
        self.sizes = _size(parameters), _size(p for p in parameters if p.requires_grad)
        self.objective = Objective(model.model).train()
        if world.size > 1:
            shards.shard(self.objective, families.get(model.family).blocks(model.model), settings, world)
        self.trained = {name: p for name, p in model.model.named_parameters() if p.requires_grad}
        self.updater = Updater(list(self.trained.values()), settings)
        budget = _budget(model, settings)
        self.steps = _steps(model, data.train, settings, budget, world)
        self.held_out = HeldOut(model, data.validation, settings, budget, world) if data.validation else None
        self.sums = Sums(data.train.sources, world.device)
        self.meter = Meter(model, settings, world)
        self.totals, self.fresh = Counter[str](), Counter[str]()
        self.unreadable: dict[str, str] = {}
        self.named: dict[str, str] = {}
        self.done = self._go_on()
        self.log = Log(place.out if place and world.rank == 0 else None, self.done)

    def _go_on(self) -> int:
        """Put back the last checkpoint, if there is one; return the steps that are done."""
        folders = checkpoint.found(self.place.out) if self.place else []
        if not self.place or not folders:
            return 0
        state = checkpoint.read_state(folders[-1])
        results.refuse_change(state.config, self.place.config(self.settings), self.place.out)
        checkpoint.load(folders[-1], Trained(self.trained, self.updater.optimizer))
        self.updater.dropped_in_a_row = state.dropped_in_a_row
        self.totals.update(state.counts)
        return state.step

    def train(self) -> Outcome:
        """Do the steps that are left, evaluate, and say what came of it."""
        begun, before = time.perf_counter(), self.done
        shown = live("train", self.settings.steps) if self.world.rank == 0 else nullcontext(_nothing)
        with stoppable() as wish:
            train = self._train(wish, shown)
        seconds = time.perf_counter() - begun
        held_out = self._evaluate()
        self._share_counts()
        return Outcome(
            steps=self.done,
            parameters=self.sizes[0],
            trained_parameters=self.sizes[1],
            counts=dict(self.totals),
            train=train,
            held_out=held_out,
            unreadable=tuple(self.named),
            seconds=round(seconds, 3),
            seconds_per_step=round(seconds / max(1, self.done - before), 5),
        )

    def _train(self, wish: Wish, shown: AbstractContextManager[Advance]) -> Losses | None:
        """Do the steps that are left; return the losses of the last line of the log."""
        numbers = range(self.done, self.settings.steps)
        ready = feed(self.steps, numbers, self.settings.workers, pinned=self.world.device.type == "cuda")
        clock = _Clock(self.done, self.settings.steps)
        losses: Losses | None = None
        with shown as advance:
            for number in numbers:
                taken = next(ready)
                stops, tokens = self.world.sum(torch.tensor([wish.stop, taken.counts.sum()], dtype=torch.float64))
                if stops:
                    self._stop()
                with room(self.settings, number):
                    update = self._step(number, taken, int(tokens))
                self.done = number + 1
                if self.done % EVERY == 0 or self.done == self.settings.steps:
                    losses = self._write_line(update)
                    advance(self.done, _words(losses, clock.left(self.done)))
                self._keep_up()
        return losses

    def _step(self, number: int, taken: Taken, tokens: int) -> Update | None:
        """Take one step, counted from 0, on so many tokens of all ranks; None where there is nothing to learn from."""
        self._count(taken)
        if not tokens:
            self.fresh["skipped_steps"] += self.world.rank == 0
            return None
        torch.manual_seed((self.settings.seed << 40) + (number << 12) + self.world.rank)
        losses = [self._backward(batch, tokens) for batch in taken.batches]
        total = sum((part.sum() for part, _ in losses), torch.zeros((), device=self.world.device))
        update = self.updater.update(number, self.world.sum(total) if self.world.size > 1 else total)
        if update.done:
            self.fresh["tokens"] += int(taken.counts.sum())
            self.sums.counts += taken.counts
            for part, cells in losses:
                self.sums.add(part, cells)
        else:
            self.fresh["skipped_steps"] += self.world.rank == 0
        return update

    def _backward(self, batch: Batch, tokens: int) -> tuple[Tensor, Tensor]:
        """Add a micro-batch's share of the gradient; return its losses [K] and their cells."""
        self.meter.add(batch.loads)
        moved = batch.to(self.world.device)
        with computing(self.settings, self.world):
            losses = self.objective(moved.inputs, moved.rows, moved.labels)
        if losses.requires_grad:  # else only what looks at images is trained, and here are none
            (losses.sum() * (self.world.size / tokens)).backward()  # sharded gradients are means over the ranks
        return losses.detach(), moved.cells

    def _count(self, taken: Taken) -> None:
        self.fresh["dropped"] += taken.dropped
        self.fresh["truncated"] += taken.truncated
        self.fresh["unreadable"] += len(taken.unreadable)
        self.unreadable |= dict(taken.unreadable)

    def _share_counts(self) -> None:
        """Bring together what the ranks counted, and name in the log what could not be read."""
        for fresh, unreadable in self.world.all_say((dict(self.fresh), self.unreadable)):
            self.totals.update(fresh)
            for name, reason in unreadable.items():
                if name not in self.named:
                    self.log.write({"step": self.done, "unreadable": name, "reason": reason})
                    self.named[name] = reason
        self.fresh.clear()
        self.unreadable.clear()

    def _write_line(self, update: Update | None) -> Losses:
        losses = self.sums.take(self.world)
        self._share_counts()
        figures = {"lr": update.lr, "grad_norm": update.norm} if update else {}
        counts = {name: self.totals[name] for name in ("skipped_steps", "dropped", "truncated", "unreadable")}
        self.log.write({"step": self.done, **losses.model_dump(), **figures, **self.meter.read(), **counts})
        return losses

    def _keep_up(self) -> None:
        """Evaluate and save where it is time to."""
        last = self.done == self.settings.steps
        if self.settings.eval_every and self.done % self.settings.eval_every == 0 and not last:
            self._evaluate()
        if last or (self.settings.save_every and self.done % self.settings.save_every == 0):
            self._save()

    def _evaluate(self) -> Losses | None:
        losses = self.held_out.losses(self.objective) if self.held_out else None
        if losses:
            self.log.write({"step": self.done, "held_out": losses.model_dump()})
        return losses

    def _save(self) -> None:
        if self.place is None:
            return
        self._share_counts()
        state = State(
            step=self.done,
            dropped_in_a_row=self.updater.dropped_in_a_row,
            counts=dict(self.totals),
            config=self.place.config(self.settings),
            ranks=self.world.size,
            versions=results.versions(),
        )
        checkpoint.save(self.place.out, state, Trained(self.trained, self.updater.optimizer), self.world)

    def _stop(self) -> None:
        """Save, and end the run so that it can go on. Raises StoppedError."""
        self._save()
        kept = "the same command goes on from there" if self.place else "nothing was kept"
        raise StoppedError(f"stopped after step {self.done:,} of {self.settings.steps:,}; {kept}")

    def save_model(self, place: Place) -> None:
        """Leave the model where plain `from_pretrained` finds it."""
        model, adapters = self.model, self.adapters
        if self.world.size > 1:
            parameters = shards.whole(model.model)
            model, adapters = parts.rebuilt(model, self.settings, parameters)
        if self.world.rank == 0:
            results.save_model(place.out, model, adapters)


def _size(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def _nothing(_done: int, _words: str) -> None:
    """Show nothing: the other ranks have no terminal of their own."""


def _budget(model: VisionModel, settings: Settings) -> Budget:
    """Return the budget of a micro-batch, an image counted at what it costs in operations."""
    family, config = families.get(model.family), model.model.config
    image_tokens = model.renderer.image_tokens(Size(640, 480))
    one = family.flops(config, 256, 0) / 256
    image = family.flops(config, 256, image_tokens) - family.flops(config, 256, 0)
    return Budget(settings.micro_tokens, max(0.0, image / one / image_tokens - 1))


def _steps(model: VisionModel, rows: Rows, settings: Settings, budget: Budget, world: World) -> Steps:
    order = Order(rows, settings.arm, settings.batch, settings.seed)
    if not order.items:
        raise UsageError(f"--arm {settings.arm} takes none of the {len(rows.lengths):,} turns in {rows.split}")
    items = Items(model, rows, settings, settings.cache_mb / max(1, settings.workers))
    return Steps(items, order, budget, world)


class _Clock:
    """Says how long the rest takes at the pace so far."""

    def __init__(self, done: int, steps: int) -> None:
        self._begun, self._done, self._steps = time.perf_counter(), done, steps

    def left(self, done: int) -> float:
        """Return seconds."""
        return (time.perf_counter() - self._begun) / (done - self._done) * (self._steps - done)


def _words(losses: Losses, seconds: float) -> str:
    stages = " ".join(f"{name} {loss:.3f}" for name, loss in losses.stages.items())
    minutes, seconds = divmod(round(seconds), 60)
    return f"steps, loss {losses.loss:.3f} ({stages}), {minutes:.0f}:{seconds:02.0f} left"
