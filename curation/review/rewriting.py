"""Stages written anew at a reviewer's wish: through the recipe, the call cache and the ledger, as everywhere.

Nothing becomes a trace here: the texts go to the reviewer's screen, and are kept with the decision.
"""

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import ceil
from types import TracebackType
from typing import NamedTuple, Self

from pydantic import ValidationError

from curation import recipes
from curation.asking.endpoint import real
from curation.calls.prices import FREE, Price, price
from curation.calls.request import Model, build
from curation.calls.vision import Pictures
from curation.errors import CurationError, DataError, MissingError, StoreError, UsageError, first_fault
from curation.images import LoadedImage
from curation.recipes import Anew, Exchange, Task
from curation.review.errand import Errand, Session, Terms
from curation.review.views import View
from curation.store import Store, census
from curation.store.liveness import alive
from curation.store.queries import mean_completion
from schemas.call import NANO, Usage
from schemas.sample import ImageRef
from schemas.trace import STAGES, Stage, Stages

USUAL_RECIPE = "paper"
"""What writes the stages of a trace that no recipe made."""


class Means(NamedTuple):
    """What writes stages anew, and what it may cost."""

    model: str = "gpt-4o"
    base_url: str | None = None
    """OPENAI_BASE_URL where it is None, else OpenAI's own."""
    offline: bool = False
    """The simulator writes; it costs nothing, and its texts are for trials."""
    price: tuple[float, float] | None = None
    """US dollars for a million prompt and a million completion tokens; None for what the model is known to cost."""
    max_cost: float | None = None
    """The most US dollars that may be spent for as long as the Rewriter is open."""

    def rate(self) -> Price:
        """Return the price. Raises UsageError for a model whose price is not known."""
        if self.price is not None:
            return Price(*self.price)
        return FREE if self.offline else price(self.model)


_USUAL_MEANS = Means()


class Rewritten(NamedTuple):
    """Stages that were written anew."""

    texts: dict[Stage, str]
    """Those that were asked for, and no others."""
    calls: tuple[str, ...]
    """Keys of the calls, for the deed that keeps the texts."""
    cost: float
    """US dollars that this asking was billed; 0 where the answer was in the store."""
    simulated: bool


class Rewriter:
    """Writes stages anew, for any number of threads at once. Starts what it needs when it is first asked."""

    def __init__(self, store: Store, means: Means = _USUAL_MEANS) -> None:
        self.missing = ""
        """Why nothing can be written anew, one sentence; empty where it can."""
        self._store = store
        self._means = means
        self._rate = FREE
        self._model = Model(means.model)
        self._pictures = Pictures(means.model)
        self._session: Session | None = None
        self._past = 0.0
        """US dollars that sessions before this one have spent."""
        self._opening = threading.Lock()
        try:
            self._rate = means.rate()
            if not means.offline:
                real(means.base_url)
        except CurationError as error:
            self.missing = str(error)

    @property
    def available(self) -> bool:
        """Whether stages can be written anew; `missing` says why not."""
        return not self.missing

    def price(self, view: View, texts: Mapping[Stage, str], which: Sequence[Stage], words: str = "") -> float:
        """Return about what it will cost, in US dollars: the prompt with its images, and answers of the usual length.

        `texts` are stages as they stand on the screen; the trace's own stand for those that it lacks. Raises
        MissingError where nothing can be asked, UsageError for stages that can't be kept.
        """
        errand = self._errand(view, texts, which, words)
        images = tuple(LoadedImage(ref, b"") for ref in view.sample.images)
        prompt = recipes.rewriting(errand.recipe).rewrite_prompt(self._task(view, images), errand.anew, "schema")
        size = build(prompt, self._model, self._pictures).size
        usage = Usage(prompt_tokens=size, completion_tokens=self._expected(view, errand.anew.which))
        return self._rate.cost(usage) / NANO

    @cached_property
    def _usual(self) -> int | None:
        """Tokens of the model's usual answer, a whole trace; None before there is one."""
        return mean_completion(self._store.engine, self._means.model)

    def spent(self) -> float:
        """Return what this workspace has spent so far, in US dollars, whatever for."""
        return census.money(self._store.engine, lambda run_id: alive(self._store.locks, run_id)).spent / NANO

    def rewrite(self, view: View, texts: Mapping[Stage, str], which: Sequence[Stage], words: str = "") -> Rewritten:
        """Ask for the stages, and wait for them. The same wish again is answered from the store, for nothing.

        `texts` are as for `price`, `which` are neighbours, `words` say what is wrong. Raises a CurationError, one
        sentence for the reviewer, where there is no answer that can be used.
        """
        errand = self._errand(view, texts, which, words)
        task = self._task(view, tuple(map(self._load, view.sample.images)))
        try:
            draft, cost = self._opened().run(errand, task)
        except StoreError:
            self.close()  # a writer that has failed writes nothing more; the next asking gets a new one
            raise
        return Rewritten(
            texts={stage: draft.stages[stage] for stage in errand.anew.which},
            calls=tuple(call.key for call in draft.calls),
            cost=cost / NANO,
            simulated=draft.simulated,
        )

    def _opened(self) -> Session:
        with self._opening:
            if self._session is None:
                self._session = Session(self._store, self._terms())
            return self._session

    def _terms(self) -> Terms:
        means = self._means
        endpoint = None if means.offline else real(means.base_url)
        left = None if means.max_cost is None else max(0.0, means.max_cost - self._past)
        return Terms(endpoint, self._model, self._rate, left)

    def _errand(self, view: View, texts: Mapping[Stage, str], which: Sequence[Stage], words: str) -> Errand:
        """Put together what is wanted. Raises UsageError where it can't be asked for."""
        if self.missing:
            raise MissingError(self.missing)
        standing = {stage: texts.get(stage, view.trace.stages[stage]).strip() for stage in STAGES}
        anew = Anew(standing, tuple(stage for stage in STAGES if stage in which), words.strip())
        _check(anew)
        return Errand(view.trace.provenance.recipe or USUAL_RECIPE, anew)

    def _task(self, view: View, images: tuple[LoadedImage, ...]) -> Task:
        return Task(view.sample, view.trace.turn, images, tuple(Exchange(*said) for said in view.earlier))

    def _load(self, ref: ImageRef) -> LoadedImage:
        try:
            return LoadedImage(ref, self._store.images.path(ref).read_bytes())
        except OSError as error:
            raise DataError(f"the image {ref.digest} can't be read: {error.strerror}") from error

    def _expected(self, view: View, which: Sequence[Stage]) -> int:
        """Return the tokens that an answer may have: the stages' share of a usual trace."""
        lengths = {stage: len(view.trace.stages[stage]) for stage in STAGES}
        whole = self._usual or ceil(sum(lengths.values()) / 4)
        return ceil(whole * sum(lengths[stage] for stage in which) / sum(lengths.values()))

    def close(self) -> None:
        """End what was started; answers that are on their way get a moment to come home."""
        with self._opening:
            session, self._session = self._session, None
            self._past += session.spent if session else 0.0
        if session is not None:
            session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check(anew: Anew) -> None:
    """Refuse what no trace could be made of."""
    places = [STAGES.index(stage) for stage in anew.which]
    if not places or places[-1] - places[0] != len(places) - 1:
        raise UsageError("choose one stage, or one and those after it, to be written anew")
    try:
        Stages.model_validate(
            {stage.value: "…" if stage in anew.which else text for stage, text in anew.stages.items()}
        )
    except ValidationError as error:
        raise UsageError(f"{first_fault(error)}; write it, or have it written anew as well") from None
