"""What a card says of whose the data is, and of what one may not expect of it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from curation.releases.card.front import by_size, terms
from curation.releases.card.markdown import fence, inline, section, table, words
from curation.releases.card.names import listed, published, title
from curation.releases.card.rows import Facts, Owner
from curation.releases.licences import restricted
from curation.strata import EMPTY_BELOW, FEWEST_SAMPLES
from schemas.manifest import Manifest

_MOST = 50
"""Rows of a table, or entries of a list."""
_MOST_LICENCES = 5
"""Of a source, that are named."""
_LONGEST = 2_000
"""Characters of a citation."""
_SHOWN_SPLITS = 12
_MOST_KINDS = 8


def limits(manifest: Manifest, facts: Facts) -> str:
    """Return the section on what one should know before one trains on it."""
    said = "\n".join(f"- {sentence}" for sentence in _limits(manifest, facts))
    return section("Limits", said)


def _limits(manifest: Manifest, facts: Facts) -> Iterator[str]:
    kinds = manifest.counts.get("traces_by_kind", {})
    total = sum(kinds.values())
    if simulated := kinds.get("simulated"):
        yield f"**{simulated:,} of the {total:,} traces are simulated**: they are for trials, not for training."
    if made := kinds.get("model"):
        yield f"{made:,} traces were written by a model. Checks find what rules can find; a reason may still be wrong."
    reviewed = sum(manifest.counts.get("traces_by_review", {}).values())
    yield f"People have reviewed {f'{reviewed:,} of the {total:,}' if reviewed else 'none of the'} traces."
    if shown := facts.flags.get("answer_shown"):
        yield f"{shown:,} traces were written with the answer in view: they explain it, and need not have found it."
    if emptied := list(_emptied(manifest)):
        named = inline(listed([*emptied[:_MOST_KINDS], *(["others"] if emptied[_MOST_KINDS:] else [])]), 1_000)
        yield f"Of these kinds of questions next to nothing is left: {named}. A model trained on this is bad at them."
    yield from _held_out(facts)


def _emptied(manifest: Manifest) -> Iterator[str]:
    """Name the strata of train of which much less is left than of all that the same label tells apart."""
    before, left = manifest.counts.get("strata_before", {}), manifest.counts.get("strata", {})
    wholes: dict[str, list[int]] = {}
    for name, count in before.items():
        whole = wholes.setdefault(name.partition("=")[0], [0, 0])
        whole[0] += count
        whole[1] += left.get(name, 0)
    for name, count in sorted(before.items()):
        of_label, left_of_label = wholes[name.partition("=")[0]]
        if count >= FEWEST_SAMPLES and left.get(name, 0) / count < EMPTY_BELOW * left_of_label / of_label:
            yield name


def _held_out(facts: Facts) -> Iterator[str]:
    """Tell of traces in train that their sources keep for tests."""
    found = [each for each in facts.held_out if not each[1].startswith("train")]
    if not found:
        return
    named = [f"{title(source)} {split} ({count:,})" for source, split, count in found[:_SHOWN_SPLITS]]
    more = [f"{len(found) - _SHOWN_SPLITS} other splits"] if found[_SHOWN_SPLITS:] else []
    count = sum(each[2] for each in found)
    yield (
        f"{count:,} traces of train come from splits that their sources keep for validation or test: "
        f"{inline(listed([*named, *more]), 1_000)}. Don't test a model on these splits that was trained on this."
    )


def licences(manifest: Manifest, facts: Facts) -> str:
    """Return the section on licences: that of each source, and the strictest."""
    counts = manifest.counts.get("samples_by_source", {})
    rows = [(_linked(source), _named(facts.owners, source), counts[source]) for source in by_size(counts)[:_MOST]]
    return section("Licences", _strictest(manifest), table(("source", "licence", "samples"), rows))


def _strictest(manifest: Manifest) -> str:
    under, others = terms(manifest), len(manifest.counts.get("samples_by_licence", {})) > 1
    bound = Counter[str]()
    for each in restricted(manifest):
        bound[_WHY[each.why]] += each.samples
    said = [f"{count:,} samples are {why}" for why, count in bound.items()]
    warning = f"**Not all of it is free to use: {listed(said)}.** " if said else ""
    whole = f"The strictest terms, *{inline(under.licence)}*, bound what may be done with the whole. "
    own = "Each sample stays under the licence of its source, which its row names, and so do its pictures."
    return f"{warning}{whole if others else ''}{own}"


_WHY = {
    "non-commercial": "for non-commercial use",
    "research only": "for research only",
    "unknown": "under terms that are not plainly free",
}


def _named(owners: Sequence[Owner], source: str) -> str:
    """Name the licences of a source, the most frequent first."""
    named = list(dict.fromkeys(inline(each.licence) or "not known" for each in owners if each.source == source))
    return "<br>".join([*named[:_MOST_LICENCES], *(["…"] if named[_MOST_LICENCES:] else [])])


def _linked(source: str) -> str:
    known = published(source)
    return f"[{inline(known.title)}]({known.homepage})" if known else inline(source)


def citations(facts: Facts) -> str:
    """Return the section on what to cite: BibTeX of known sources and where a sample has that, else in its words."""
    said = {each.citation: each.source for each in reversed(facts.owners) if each.citation.strip()}
    ordered = sorted(said, key=lambda citation: (title(said[citation]).lower(), citation))[:_MOST]
    known = [found for name in sorted({each.source for each in facts.owners}) if (found := published(name))]
    bibtex = [each.bibtex for each in sorted(known, key=lambda each: each.title.lower())]
    bibtex += [_block(citation[:_LONGEST]) for citation in ordered if _is_bibtex(citation)]
    told = {each.citation for each in known}
    plain = [each for each in ordered if not _is_bibtex(each) and each not in told]
    entries = "\n".join(f"- {inline(title(said[each]))}: {_cited(each)}" for each in plain)
    lead = "Please cite the sources that you use." if bibtex or plain else ""
    block = fence("\n\n".join(dict.fromkeys(bibtex)), "bibtex") if bibtex else ""
    return section("Citations", lead, entries, block)


def _is_bibtex(citation: str) -> bool:
    return citation.lstrip().startswith("@")


def _cited(citation: str) -> str:
    """Escape a citation, but leave its addresses as they are: they are shown as they lead."""
    return " ".join(
        each if each.startswith("https://") and each.isascii() and not set(each) & set("<>[]()*`|\\") else inline(each)
        for each in words(citation, _LONGEST).split(" ")
    )


def _block(entry: str) -> str:
    return "\n".join(words(line, _LONGEST) for line in entry.splitlines() if line.strip())
