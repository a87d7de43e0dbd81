"""The endpoint over HTTP: for a program's own event loop, and as the verb that serves until it is stopped."""

import asyncio
import errno
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, NamedTuple, TextIO

from aiohttp import web
from cyclopts import Parameter
from pydantic import Field

import curation.config
from curation.config import Table
from curation.errors import MissingError, UsageError
from curation.simulator.endpoint import Call, Reply, Simulator, error_reply
from curation.simulator.settings import Conduct, Faults, Habits, Settings, Storm
from schemas.digest import digest_bytes

_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5", "gpt-5-mini")
_MAX_BODY = 100 * 2**20
_READ_AHEAD = 2**20
"""Bytes: a request with its image arrives without pausing the connection."""
_GRACE = 0.05
"""Seconds that answers in work get when the server ends; a slow one is not waited for."""


class _Handlers:
    """The paths of the endpoint."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._in_work = 0

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_get("/v1/models", self.models)
        app.router.add_route("*", "/{path:.*}", self.unknown)
        return app

    async def chat(self, request: web.Request) -> web.Response:
        loop = asyncio.get_running_loop()
        counts, begun = self.simulator.counts, loop.time()
        self._in_work += 1
        counts.peak = max(counts.peak, self._in_work)
        try:
            body = await request.read()
            headers = request.headers
            call = Call(body, headers.get("Authorization", ""), headers.get("X-Client-Request-Id"))
            reply = self.simulator.reply(call)
            if reply.delay:
                await asyncio.sleep(reply.delay)
        finally:
            self._in_work -= 1
        if reply.hangs_up and request.transport is not None:
            request.transport.close()
        return _response(reply, millis=int((loop.time() - begun) * 1000))

    async def models(self, request: web.Request) -> web.Response:
        if refused := self.simulator.refuse(request.headers.get("Authorization", "")):
            return _response(refused)
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "simulator"} for name in _MODELS]
        return web.json_response({"object": "list", "data": models})

    async def unknown(self, request: web.Request) -> web.Response:
        reply = self.simulator.refuse(request.headers.get("Authorization", "")) or error_reply(
            404, "unknown_path", f"Invalid URL ({request.method} {request.path})"
        )
        digest = digest_bytes(await request.read())
        self.simulator.record(reply, digest, 0, request.headers.get("X-Client-Request-Id"))
        return _response(reply)


def _response(reply: Reply, millis: int = 0) -> web.Response:
    headers = {"openai-processing-ms": str(millis), "openai-version": "2020-10-01", **reply.headers}
    return web.Response(status=reply.status, body=reply.body, headers=headers, content_type=reply.content_type)


class Running(NamedTuple):
    """A simulator that listens."""

    url: str
    """The base URL for clients; ends in /v1."""
    simulator: Simulator


@asynccontextmanager
async def serve(settings: Settings, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Running]:
    """Serve on the running event loop for as long as the context lasts; port 0 takes a free one.

    Raises UsageError where the address can't be listened on, MissingError where the log can't be written.
    """
    with ExitStack() as stack:
        log = stack.enter_context(_open_log(settings.log)) if settings.log else None
        simulator = Simulator(settings, log)
        app = _Handlers(simulator).application()
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE, read_bufsize=_READ_AHEAD)
        await runner.setup()
        try:
            await _listen(runner, host, port)
            bound = runner.addresses[0][1]
            yield Running(f"http://{f'[{host}]' if ':' in host else host}:{bound}/v1", simulator)
        finally:
            await runner.cleanup()


def _open_log(path: Path) -> TextIO:
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise MissingError(f"can't write the log {path}: {error.strerror}; choose another file with --log") from error


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} on {host} is in use; choose another with --port, 0 takes a free one"
        else:
            message = f"can't listen on {host} port {port}: {error.strerror}; choose others with --host and --port"
        raise UsageError(message) from error


class Config(Conduct, curation.config.Config):
    """Serve a local endpoint that answers as OpenAI's does, with the faults that real ones have."""

    host: str = Field("127.0.0.1", description="Address to listen on; only this machine reaches the default.")
    port: int = Field(8811, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    fault: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = Field(
        (),
        description="NAME=RATE, a rate per request from 0 to 1; may be given several times. all=RATE spreads"
        f" one evenly over every kind. Kinds: {', '.join(Faults.model_fields)}.",
    )
    habit: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = Field(
        (),
        description="NAME=RATE, an error that the teacher keeps making about scenes; may be given several times."
        f" Names: {', '.join(Habits.model_fields)}.",
    )
    storm: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = Field(
        (),
        description="START:SECONDS, a window since the first request in which all get 429; may be repeated.",
    )

    def settings(self) -> Settings:
        """Return the simulator's settings. Raises UsageError for a fault, a habit or a storm that can't be read."""
        conduct = {name: getattr(self, name) for name in Conduct.model_fields}
        storms = tuple(Storm.from_flag(flag) for flag in self.storm)
        faults, habits = Faults.from_flags(self.fault), Habits.from_flags(self.habit)
        return Settings(**conduct, faults=faults, habits=habits, storms=storms)


_DEFAULTS = Config()


class Report(curation.config.Report):
    """What the simulator did while it served."""

    url: str
    requests: int
    billed: int
    prompt_tokens: int
    completion_tokens: int
    peak: int
    """The most requests that were in work at once."""
    outcomes: dict[str, int]

    def tables(self) -> Sequence[Table]:
        """Return the requests by outcome, the most frequent first."""
        rows = sorted(self.outcomes.items(), key=lambda row: (-row[1], row[0]))
        return [Table("Requests by outcome", ("outcome", "requests"), rows)]

    def lines(self) -> Sequence[str]:
        """Return the totals."""
        tokens = f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens"
        return [f"{self.requests:,} requests, {self.billed:,} billed ({tokens}), at most {self.peak:,} at once"]


def run(*, config: Annotated[Config, Parameter(name="*")] = _DEFAULTS) -> Report:
    """Serve a local endpoint that answers as OpenAI's does, until Ctrl-C."""
    return asyncio.run(_serve_until_stopped(config))


async def _serve_until_stopped(config: Config) -> Report:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(config.settings(), config.host, config.port) as running:
        sys.stderr.write(_greeting(running.url, config.api_key))
        sys.stderr.flush()
        await stop.wait()
    return Report(url=running.url, **vars(running.simulator.counts))


def _greeting(url: str, api_key: str | None) -> str:
    prompt = "Question: How many bars are there?\nStandard answer: 4"
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]})
    key = ' -H "Authorization: Bearer $OPENAI_API_KEY"' if api_key else ""
    example = f"curl -s {url}/chat/completions{key} -d '{body}'"
    return f"simulator listens on {url} (Ctrl-C ends it)\nexample: {example}\n"
