"""The decoding loop: rows of a bank that write until each of them stops."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from torch import Tensor

from curation.lanes.bank import Bank
from curation.lanes.sampling import Draws, Sampling, pick
from curation.lanes.stopping import Stop

End = Literal["stop", "turn", "limit"]
"""Why a row stopped: at the text that was waited for, at the end of its turn, or at its limit of tokens."""


class Pen(NamedTuple):
    """One row that is to write."""

    row: int
    draws: Draws
    limit: int
    """New tokens at most, at least one."""


@dataclass
class Written:
    """What a row wrote: its new ids without the end of the turn, and the sum of their log-likelihoods."""

    ids: list[int] = field(default_factory=list)
    tokens: int = 0
    """With the end of the turn."""
    likelihood: float = 0.0
    end: End = "limit"


def write(bank: Bank, pens: list[Pen], logits: Tensor, stop: Stop, sampling: Sampling) -> list[Written]:
    """Let rows write, each from its row of logits. What a row wrote last is pending in it, unless its turn ended."""
    done = [Written() for _ in pens]
    active = list(range(len(pens)))
    ends = bank.engine.renderer.stop_ids
    while active:
        ids, known = pick(logits, [pens[k].draws for k in active], sampling)
        going = []
        for k, token, likelihood in zip(active, ids, known, strict=True):
            if _add(done[k], token, likelihood, ends):
                bank.put(pens[k].row, [token])
                if stop.found(done[k].ids):
                    done[k].end = "stop"
                elif done[k].tokens < pens[k].limit:
                    going.append(k)
        active = going
        if active:
            logits = bank.logits([pens[k].row for k in active])
    return done


def _add(written: Written, token: int, likelihood: float, ends: frozenset[int]) -> bool:
    """Add a token. Returns whether the turn goes on."""
    written.tokens += 1
    written.likelihood += likelihood
    if token in ends:
        written.end = "turn"
        return False
    written.ids.append(token)
    return True
