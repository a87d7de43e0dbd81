"""What a card says of how a release was made, and of what is in its files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from curation.releases.card.front import configurations
from curation.releases.card.markdown import code, fence, inline, section, table
from curation.releases.card.names import listed
from curation.releases.card.rows import Facts
from schemas.manifest import Manifest

_CONFIGURATIONS = {
    "default": "the traces that were taken, a row for each",
    "direct": "questions whose traces failed, with their answers and without a trace",
    "preferences": "a taken and a rejected trace for the same question",
    "steps": "traces step by step, with a label for each step",
    "rejected": "traces that were not taken, each with the line of the policy that excluded it",
}
_KINDS = {
    "model": "asked of a model",
    "simulated": "written by a simulator",
    "human": "written or edited by a person",
    "imported": "made elsewhere and imported",
}
_COLUMNS = {
    "id": "sample and turn",
    "image": "the picture, its bytes as the source has them",
    "images": "all pictures, where a sample has several",
    "question": "the question",
    "context": "a hint or a passage that belongs to it",
    "choices": "the choices, where there are some",
    "answer": "the source's answer",
    "answers": "all answers that the source accepts",
    "summary": "first stage: how the question will be answered",
    "caption": "second stage: what the picture shows that matters",
    "reasoning": "third stage: step by step",
    "conclusion": "last stage: the answer alone",
    "text": "the four stages with their tags, to train on",
    "history": "earlier turns of the same sample",
    "sample_id": "`<source>/<split of the source>/<id there>`",
    "source": "where the question comes from",
    "source_split": "its split there",
    "turn": "its number among the sample's questions, from 0",
    "labels": "what the source tells questions apart by, JSON",
    "licence": "of the sample, in its owners' words",
    "citation": "what its owners ask you to cite",
    "facts": "what the source knows about the picture, JSON",
    "trace_id": "digest of the trace and its provenance",
    "kind": "model, simulated, human or imported",
    "model": "the model as it was asked for",
    "model_answered": "the model as its endpoint named itself",
    "recipe": "how it was asked",
    "prompt_version": "digest of the prompts",
    "created_at": "when, UTC",
    "errors": "codes of its open errors",
    "issues": "what checks found and nobody resolved",
    "reviews": "what people said: how many, the verdict, agreement, and scores of the stages from -1 to 1",
    "judgements": "what judges said of each stage",
    "calls": "the requests that were paid for it, and their settings",
    "answer_shown": "whether the model saw the answer while it wrote",
    "samples_asked": "how often it was asked without the answer",
    "samples_right": "how often that was right",
    "agreement": "share of those answers that agree",
    "repaired": "whether it was asked for again with what was wrong",
    "edited": "whether a person changed it",
    "parent": "the trace that it is an edit of",
    "record": "what the other columns don't say of sample and trace, JSON",
}
POLICY = "policy.toml"
"""What a release was selected by, as it was."""
_MOST_POLICY = 4_000
_MOST_MAKINGS = 20
_DIGEST = 19


class Made(NamedTuple):
    """A release, and what its rows say."""

    folder: Path
    manifest: Manifest
    facts: Facts
    digest: str
    """Of the manifest, 64 hex digits."""
    repo: str
    """Its name on the Hub."""


def contents(made: Made) -> str:
    """Return the section on what is in the files."""
    counts = made.manifest.counts
    splits = configurations(made.manifest).get("default", {})
    names = {"samples": "samples", "traces": "traces", "images": "pictures"}
    questions = {"samples_without_trace": "questions without a trace"} if made.manifest.format == "jsonl" else {}
    columns = {what: name for what, name in (names | questions).items() if counts.get(what)}
    rows = [(split, *(counts[what].get(split, 0) for what in columns)) for split in splits]
    alike = "Pictures that look alike and questions that are the same are never in two of them."
    return section(
        "What is in it",
        table(("split", *columns.values()), rows),
        alike if "splits" in made.manifest.config else "No picture is in two of them.",
        _told_configurations(made),
        _columns(made),
    )


def _told_configurations(made: Made) -> str:
    """Return a table of the configurations, where there are several."""
    manifest, found = made.manifest, configurations(made.manifest)
    rows = [
        (
            code(name),
            inline(_CONFIGURATIONS.get(name, "")),
            sum(manifest.counts.get(f"rows_{name}", {}).values()) or "–",
        )
        for name in found
    ]
    call = f'load_dataset("{made.repo}", "{[*found][-1]}")'
    loads = f"The second name is that of a configuration: {code(call)}."
    return f"{table(('configuration', 'what', 'rows'), rows)}\n\n{loads}" if len(found) > 1 else ""


def _columns(made: Made) -> str:
    """Return what the columns hold, folded up."""
    shards = sorted((made.folder / "data").glob("*.parquet"))
    if not shards:
        return (
            "A line of `data/<split>.jsonl` holds a sample, its traces and its open errors, whole; its pictures are "
            "`images/<two digits>/<SHA-256>.<ending>`. Nothing is lost in this format."
        )
    names = pq.read_schema(shards[0]).names
    listing = table(("column", "what it holds"), [(code(name), _COLUMNS.get(name, "")) for name in names])
    return f"<details>\n<summary>The {len(names)} columns</summary>\n\n{listing}\n\n</details>"


def making(made: Made) -> str:
    """Return the section on how it was made."""
    return section("How it was made", *_makings(made.facts), _selected(made), _rebuilt(made))


def _makings(facts: Facts) -> Iterator[str]:
    kinds: dict[str, int] = {}
    for each in facts.makings:
        kinds[each.kind] = kinds.get(each.kind, 0) + each.traces
    said = [f"{count:,} traces were {_KINDS.get(kind, inline(kind))}" for kind, count in kinds.items()]
    if said:
        yield f"{listed(said)}."
    columns = ("recipe", "prompts", "model asked for", "model that answered", "traces")
    yield table(
        columns,
        [
            (inline(each.recipe), code(each.prompts[:_DIGEST]), inline(each.model), inline(each.answered), each.traces)
            for each in facts.makings[:_MOST_MAKINGS]
        ],
    )
    yield table(("temperature", "top\\_p", "most tokens", "requests"), _settings(facts))


def _settings(facts: Facts) -> Iterator[Sequence[object]]:
    for each in facts.settings[:_MOST_MAKINGS]:
        if any(value is not None for value in each[:3]):
            yield *("–" if value is None else f"{value:g}" for value in each[:3]), each.calls


def _selected(made: Made) -> str:
    """Say which traces were taken, and show the policy that says so."""
    config = made.manifest.config
    path = made.folder / POLICY
    if not config.get("select") or not path.is_file():
        return ""
    with path.open("rb") as file:
        policy = file.read(_MOST_POLICY).decode("utf-8", "replace")
    lead = f"Which of a turn's traces were taken is decided by this policy, {code(str(config['select']))}:"
    return f"{lead}\n\n{fence(policy, 'toml')}"


def _rebuilt(made: Made) -> str:
    versions = listed([f"{inline(name)} {code(version)}" for name, version in made.manifest.versions.items()])
    return (
        f"{_splits(made.manifest.config)} The manifest has the digest of every file, and of what went in: "
        f"`python -m curation release verify FOLDER` derives them again. This is release `{made.digest[:12]}`, written "
        f"by {versions}."
    )


def _splits(config: Mapping[str, object]) -> str:
    splits, seed = config.get("splits"), config.get("seed")
    if splits == "source":
        return "The splits are those of the sources."
    if not isinstance(splits, list):
        return ""
    shares = " : ".join(f"{share:g}" for share in splits if isinstance(share, int | float))
    return f"The splits, {shares}, are drawn with seed {inline(str(seed))}."
