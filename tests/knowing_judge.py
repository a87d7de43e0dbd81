"""A judge that knows which traces are faulty and where, and errs at rates of its own; it answers over real HTTP."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import NamedTuple

from aiohttp import web

from curation.prompts.fence import clean
from curation.simulator import Settings, Simulator
from curation.simulator.answers import ChatRequest
from curation.simulator.endpoint import Call
from curation.simulator.judging import Case, read_case
from schemas.steps import split
from schemas.trace import STAGES, Stage, Stages
from tests.reviewed_workspace import Truth, changed_steps

_WORDS = 40
_Shown = tuple[str, ...]


class Errors(NamedTuple):
    """How often a judge is wrong, each time by itself."""

    misses: float
    """Share of the faulty stages, and of the faulty steps, that it says nothing against."""
    alarms: float
    """Share of the good ones that it is against."""


class _Faults(NamedTuple):
    """What is wrong with a trace."""

    stages: frozenset[Stage]
    steps: frozenset[int]


class Knowing(Simulator):
    """Answers each model's request with the errors of that name."""

    def __init__(self, truths: Sequence[Truth], judges: Mapping[str, Errors], seed: int = 0) -> None:
        super().__init__(Settings(seed=seed))
        self._faults = {_of_stages(truth.trace.stages): _faults(truth) for truth in truths}
        self._judges = judges

    def _text(self, request: ChatRequest, kind: str | None, rng: Random) -> str:
        case = read_case(request)
        assert case is not None
        shown = case.stages()
        faults = self._faults[shown[Stage.SUMMARY], shown[Stage.CAPTION], *case.steps, shown[Stage.CONCLUSION]]
        errs = self._judges[request.model]
        against = {stage for stage in STAGES if _calls(stage in faults.stages, errs, rng)}
        return _written(case, against, faults, errs, rng)


def _of_stages(stages: Stages) -> _Shown:
    steps = (step.text for step in split(clean(stages.reasoning)))
    return clean(stages.summary), clean(stages.caption), *steps, clean(stages.conclusion)


def _faults(truth: Truth) -> _Faults:
    return _Faults(frozenset(truth.wrong), frozenset(changed_steps(truth)))


def _calls(faulty: bool, errs: Errors, rng: Random) -> bool:
    return rng.random() >= errs.misses if faulty else rng.random() < errs.alarms


def _written(case: Case, against: set[Stage], faults: _Faults, errs: Errors, rng: Random) -> str:
    """Write a verdict; a reasoning that it is for has no step that it is against."""
    steps = []
    for number, text in enumerate(case.steps, start=1):
        wrong = Stage.REASONING in against and _calls(number in faults.steps, errs, rng)
        steps.append({"number": number, **_said(text, wrong)})
    stages = {stage.value: {"reason": "", **_said(text, stage in against)} for stage, text in case.stages().items()}
    if Stage.REASONING in against and case.steps:
        stages[Stage.REASONING.value]["quote"] = case.steps[0][:_WORDS].strip()
    return json.dumps({"by_step": steps, **stages}, ensure_ascii=False)


def _said(text: str, wrong: bool) -> dict[str, str]:
    return {"quote": text[:_WORDS].strip() if wrong else "", "verdict": "negative" if wrong else "positive"}


@contextmanager
def listening(simulator: Simulator) -> Iterator[str]:
    """Serve on a thread of its own for as long as the context lasts; give the base URL."""

    async def answer(request: web.Request) -> web.Response:
        reply = simulator.reply(Call(await request.read()))
        return web.Response(status=reply.status, body=reply.body, content_type=reply.content_type)

    async def serve() -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url.append(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
            ready.set()
            await asyncio.to_thread(done.wait)
        finally:
            await runner.cleanup()

    url: list[str] = []
    ready, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield url[0]
    finally:
        done.set()
        thread.join(30)
