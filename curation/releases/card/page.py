"""A card as a whole: front matter, and what there is to say of a release in the order in which people ask."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from curation.releases.card import making, owners, quality, results
from curation.releases.card.examples import Example
from curation.releases.card.front import front_matter, pretty_name
from curation.releases.card.leavings import LeftOut
from curation.releases.card.making import Made
from curation.releases.card.markdown import fence, html, inline, section, words
from curation.releases.card.names import title
from curation.releases.card.results import Results
from schemas.trace import STAGES

_OPEN = 3
"""Examples that are seen at once; the others are folded up."""
_LONGEST = {"question": 500, "answer": 200, "stage": 700}
"""Characters of an example."""
_MOST_CHOICES = 26
_WIDTH = 220
"""Pixels of a picture on the page."""


class Card(NamedTuple):
    """All that a card is made of."""

    made: Made
    left: LeftOut
    examples: Sequence[Example]
    pictures: Sequence[str | None]
    """Paths in the release of the examples' pictures."""
    results: Results | None


def render(card: Card) -> str:
    """Return a card as Markdown."""
    manifest, facts = card.made.manifest, card.made.facts
    parts = [
        f"---\n{front_matter(manifest, facts.languages)}\n---",
        *_opening(card),
        _examples(card),
        making.contents(card.made),
        making.making(card.made),
        quality.yields(manifest, card.left),
        quality.quality(manifest, facts, card.left),
        results.told(card.results, card.made.manifest.inputs.get("traces")) if card.results else "",
        owners.limits(manifest, facts),
        owners.licences(manifest, facts),
        owners.citations(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n\n"


def _opening(card: Card) -> Iterator[str]:
    counts = card.made.manifest.counts
    traces, images = (sum(counts.get(what, {}).values()) for what in ("traces", "images"))
    sources = len(counts.get("samples_by_source", {}))
    yield f"# {inline(pretty_name(card.made.manifest))}"
    yield (
        f"{traces:,} reasoning traces about {images:,} pictures, from {sources:,} "
        f"{'sources' if sources != 1 else 'source'} of visual questions. A trace answers its question in four stages: "
        "a **summary** of what will be done, a **caption** of what the picture shows that matters, the **reasoning** "
        "step by step, and the **conclusion**."
    )
    if simulated := counts.get("traces_by_kind", {}).get("simulated"):
        yield f"> [!WARNING]\n> {simulated:,} of the traces are simulated: they are for trials, not for training."
    yield _load(card)


def _load(card: Card) -> str:
    name = words(card.made.repo)
    if card.made.manifest.format == "jsonl":
        bring = f"python -m curation pull --repo {name} --workspace review"
        return f"Nothing is lost in this form. Bring it into a workspace of the curation workbench:\n\n{fence(bring)}"
    lines = [
        "from datasets import load_dataset",
        "",
        f'traces = load_dataset("{name}")',
        'print(traces["train"][0]["text"])',
    ]
    return fence("\n".join(lines), "python")


def _examples(card: Card) -> str:
    shown = [_example(*each) for each in zip(card.examples, card.pictures, strict=True)]
    first, more = "\n\n".join(shown[:_OPEN]), "\n\n".join(shown[_OPEN:])
    folded = f"<details>\n<summary>{len(shown) - _OPEN} more, one of each source</summary>\n\n{more}\n\n</details>"
    return section("Examples", first, folded if more else "")


def _example(example: Example, picture: str | None) -> str:
    """Return a table of HTML: the picture, and the record beside it. No line of it is empty."""
    shown = f'<img src="{picture}" width="{_WIDTH}" alt="The picture that is asked about">' if picture else "no picture"
    stages = "".join(
        f"<p><b>{stage.value.capitalize()}</b><br>{html(text, _LONGEST['stage'])}</p>"
        for stage, text in zip(STAGES, example.stages, strict=True)
    )
    items = "".join(f"<li>{html(choice, _LONGEST['answer'])}</li>" for choice in example.choices[:_MOST_CHOICES])
    choices = f"<ul>{items}</ul>" if items else ""
    return "\n".join(
        [
            "<table>",
            f'<tr><td width="{_WIDTH + 20}" valign="top">{shown}<br><sub>{html(title(example.source), 80)}</sub></td>',
            f"<td><p><b>{html(example.question, _LONGEST['question'])}</b></p>{choices}",
            stages,
            f"<p><sub>The source's answer: {html(example.answer, _LONGEST['answer']) or 'none'}</sub></p></td></tr>",
            "</table>",
        ]
    )
