"""One browser's place at the desk: what it was given, what it said, and what it is told next.

The browser says one message at a time, which holds all that was not answered yet; so a message that is lost, told
twice, or overtaken by the next one changes nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ValidationError

from curation.errors import CurationError, first_fault
from curation.review import Deed, Desk, Done, Slice, View
from curation.review.guidelines import Guidelines
from curation.review.rewriting import Rewriter
from curation.review.views import Draft
from schemas.sample import ImageRef
from schemas.trace import Stage

AHEAD = 8
"""Records that a browser has, the one on the screen among them."""
_FEW = 5
"""With so many left, more are taken: not one at each decision."""
_REMEMBERED = 500
"""Answers that are kept for messages that come again."""

Key = tuple[str, int]


class DraftOf(BaseModel):
    """What a reviewer has begun with a record."""

    sample_id: str
    turn: int
    draft: Draft | None
    seq: int


class Wish(BaseModel):
    """A question whose answer takes a while: what stages anew would cost, or the stages themselves."""

    id: str
    act: Literal["price", "rewrite"]
    sample_id: str
    turn: int
    trace_id: str
    stages: tuple[Stage, ...]
    texts: dict[Stage, str] = {}
    words: str = ""


class Message(BaseModel):
    """What the browser says."""

    seq: int
    deeds: list[dict[str, Any]] = []
    """Deeds that were not answered yet, in their order."""
    asks: list[Wish] = []
    drafts: list[DraftOf] = []
    has: dict[str, int] = {}
    """Stamps of the records that it has, by their keys."""


class _Given(NamedTuple):
    view: View
    stamp: int
    front: bool
    """To be shown at once."""


class Tools(NamedTuple):
    """What a seat needs beside its desk."""

    guidelines: Guidelines
    rewriter: Rewriter
    image_url: Callable[[ImageRef], str]


class Seat:
    """A browser's place at the desk. Its methods may be called from any thread."""

    def __init__(
        self, desk: Desk, slice_: Slice, tools: Tools, seats: "set[Seat]", connected: Callable[[], bool] = lambda: True
    ) -> None:
        self.desk = desk
        self.slice = slice_
        self.tools = tools
        self.connected = connected
        """Whether its page is still there: what a page said last may be heard when it is gone."""
        self._seats = seats
        self._lock = threading.RLock()
        self._given: dict[Key, _Given] = {}
        self._answers: dict[str, Done] = {}
        self._wishes: dict[str, Future[dict[str, Any]]] = {}
        self._last = Message(seq=0)
        self._stamp = 0
        self._beaten = self._opened = self._heard = time.monotonic()
        self._dry = False
        self._decided_elsewhere: set[str] = set()
        seats.add(self)

    @property
    def held(self) -> list[Key]:
        """Records that are leased for this browser."""
        return [key for key, given in list(self._given.items()) if given.view.ticket]

    @property
    def _others(self) -> "list[Seat]":
        """Other windows of this reviewer, those of pages that were just closed among them."""
        name = self.desk.reviewer.name
        return [seat for seat in list(self._seats) if seat is not self and seat.desk.reviewer.name == name]

    @property
    def _beside(self) -> "list[Seat]":
        """Other windows that have been heard of since both were open: a page that was loaded again is none."""
        return [seat for seat in self._others if seat.connected() and seat._heard > max(seat._opened, self._opened)]

    def first(self) -> View | None:
        """Return the record that is to be on the screen, None where nothing is left."""
        given = sorted(self._given.values(), key=lambda each: (-each.front * each.stamp, each.stamp))
        return given[0].view if given else None

    def receive(self, said: Mapping[str, Any]) -> None:
        """Do what the browser says."""
        with self._lock:
            message = Message.model_validate(said)
            self._last = message
            self._heard = time.monotonic()
            decided = self._carry_out(message)
            for draft in message.drafts:
                self.desk.keep_draft(draft.sample_id, draft.turn, draft.draft)
            for wish in message.asks:
                self._begin(wish)
            self._forget(message)
            if self in self._seats:
                self._beat()
                self._part()
                self.fill()
        for seat in self._others if decided else ():
            seat.drop(decided)

    def _part(self) -> None:
        """Leave to older windows what both have, but for the record on the screen."""
        front = next(iter(self._last.has), None)
        for key in [key for seat in self._beside if seat._opened < self._opened for key in seat.held]:
            if _named(key) != front:
                self._given.pop(key, None)

    def drop(self, decided: Iterable[Key]) -> None:
        """Take records off this window's line: their reviewer has decided on them in another one."""
        with self._lock:
            for key in decided:
                if self._given.pop(key, None):
                    self._decided_elsewhere.add(_named(key))

    def open(self, sample_id: str, turn: int) -> None:
        """Put a record in front that somebody asked for. Raises MissingError where there is none."""
        with self._lock:
            self._give(self.desk.look(sample_id, turn), front=True)

    def fill(self) -> None:
        """Take further records while there are some."""
        with self._lock:
            if len(self._given) > _FEW:
                return
            held = {*self._given, *(key for seat in self._beside for key in seat.held)}
            views = self.desk.take(self.slice, AHEAD - len(self._given), held=held)
            self._dry = not views
            for view in views:
                self._give(view)

    def look_anew(self) -> None:
        """Forget what the browser has: it is a page that was just opened."""
        with self._lock:
            self._last = Message(seq=self._last.seq)

    def data(self) -> dict[str, Any]:
        """Return what the browser is told: answers to its last message, and records that it lacks."""
        with self._lock:
            has = self._last.has
            self._decided_elsewhere &= has.keys()
            return {
                "seq": self._last.seq,
                "done": [self._told(deed) for deed in self._last.deeds if str(deed.get("id")) in self._answers],
                "answers": {wish.id: self._wishes[wish.id].result() for wish in self._last.asks if self._ready(wish)},
                "records": [
                    self._record(given) for key, given in self._given.items() if has.get(_named(key)) != given.stamp
                ],
                "lost": [name for name in has if name not in set(map(_named, self._given))],
                "decided_elsewhere": sorted(self._decided_elsewhere),
                "windows": 1 + len(self._beside),
                "more": not self._dry,
                "slice": " · ".join(f"{name} {', '.join(of)}" for name, of in self.slice.to_query().items()),
                "reviewer": self.desk.reviewer.name,
                "beat": self.desk.terms.lease_seconds / 3,
                "rewrites": self.tools.rewriter.available,
                "guidelines": self.tools.guidelines._asdict(),
            }

    def leave(self) -> None:
        """Give back what no other window of this reviewer has on its screen."""
        with self._lock:
            self._seats.discard(self)
            others = {key for seat in self._others for key in seat.held}
            if leaving := [key for key in self.held if key not in others]:
                self.desk.give_back(leaving)
            self._given.clear()

    def _carry_out(self, message: Message) -> list[Key]:
        """Do what was not done yet; return the records that were decided on."""
        deeds, decided = [], []
        for told in message.deeds:
            if told.get("id") in self._answers:
                continue
            try:
                deeds.append(Deed.model_validate(told))
            except ValidationError as error:
                self._answers[str(told.get("id"))] = Done(str(told.get("id")), first_fault(error))
        for deed, done in zip(deeds, self.desk.carry_out(deeds) if deeds else (), strict=True):
            self._answers[deed.id] = done
            self._follow(deed, done)
            if deed.act == "review" and not done.fault:
                decided.append((done.sample_id, done.turn))
        while len(self._answers) > _REMEMBERED:
            del self._answers[next(iter(self._answers))]
        return decided

    def _follow(self, deed: Deed, done: Done) -> None:
        """Bring what the browser has into line with what became of a deed."""
        key = done.sample_id, done.turn
        if deed.act == "review":
            self._given.pop(key, None)
        elif deed.act == "undo" and not done.fault and done.sample_id:
            view = self.desk.look(*key)
            if view.ticket:
                self._give(view, front=key not in self._given)

    def _give(self, view: View, *, front: bool = False) -> None:
        self._stamp += 1
        self._given[view.sample.id, view.trace.turn] = _Given(view, self._stamp, front)

    def _forget(self, message: Message) -> None:
        """Keep no answers to questions that the browser asks no more."""
        asked = {wish.id for wish in message.asks}
        self._wishes = {id_: answer for id_, answer in self._wishes.items() if id_ in asked or not answer.done()}

    def _beat(self) -> None:
        """Renew the leases in good time, and let go of those that somebody else has."""
        if time.monotonic() - self._beaten < self.desk.terms.lease_seconds / 4:
            return
        self._beaten = time.monotonic()
        for key in self.desk.beat(self.held):
            self._given.pop(key, None)

    def _begin(self, wish: Wish) -> None:
        given = self._given.get((wish.sample_id, wish.turn))
        if wish.id in self._wishes:
            return
        answer = self._wishes[wish.id] = Future()
        if given is None or given.view.trace.id != wish.trace_id:
            answer.set_result({"fault": "the record is not on this screen any more"})
        else:
            threading.Thread(target=_grant, args=(self.tools.rewriter, given.view, wish, answer), daemon=True).start()

    def _ready(self, wish: Wish) -> bool:
        return wish.id in self._wishes and self._wishes[wish.id].done()

    def _told(self, deed: Mapping[str, Any]) -> dict[str, Any]:
        done = self._answers[str(deed.get("id"))]
        return {"id": done.id, "fault": done.fault, "state": done.state, "records": done.records}

    def _record(self, given: _Given) -> dict[str, Any]:
        """Return a record for the screen. That its answer is known, or that it is the second look, is not told."""
        shown = given.view.as_json()
        key = _named((given.view.sample.id, given.view.trace.turn))
        duty = shown["duty"] if shown["duty"] in {None, "adjudication"} else "first"
        urls = [self.tools.image_url(ref) for ref in given.view.sample.images]
        return shown | {"key": key, "stamp": given.stamp, "front": given.front, "duty": duty, "urls": urls}


def _named(key: Key) -> str:
    return f"{key[1]} {key[0]}"


def _grant(rewriter: Rewriter, view: View, wish: Wish, answer: "Future[dict[str, Any]]") -> None:
    """Ask the rewriter, in a thread of its own; whatever happens, there is an answer."""
    try:
        answer.set_result(_granted(rewriter, view, wish))
    except CurationError as error:
        answer.set_result({"fault": str(error)})
    except Exception as error:  # noqa: BLE001 - the browser waits for an answer, and the thread has nobody else to tell
        answer.set_result({"fault": f"{type(error).__name__}: {error} (a fault of this program)"})


def _granted(rewriter: Rewriter, view: View, wish: Wish) -> dict[str, Any]:
    if wish.act == "price":
        cost = rewriter.price(view, wish.texts, wish.stages, wish.words)
        return {"text": f"About ${cost:.4f}; ${rewriter.spent():.2f} spent in this workspace so far."}
    written = rewriter.rewrite(view, wish.texts, wish.stages, wish.words)
    return {"texts": written.texts, "calls": written.calls, "text": f"Written anew for ${written.cost:.4f}."}


__all__ = ["AHEAD", "Message", "Seat", "Tools", "Wish"]
