"""The front matter of a card: what the Hub and its viewer read, made of the manifest, with the Hub's own classes.

https://huggingface.co/docs/hub/datasets-cards, https://huggingface.co/docs/hub/datasets-manual-configuration
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curation.release import UNKNOWN
from curation.releases.card.markdown import words
from curation.releases.card.names import listed, title
from curation.releases.card.terms import Terms, strictest
from schemas.manifest import Manifest

_FOLDERS = ("data", "direct", "preferences", "steps", "rejected")
"""Of configurations, in the order in which they are told."""
_SPLITS = ("train", "validation", "test")
_SHARD = re.compile(r"([\w-]+)/(\w[\w.-]*?)(-\d{5}-of-\d{5}\.parquet|\.jsonl)")
_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
_LONGEST = 100_000
"""Characters of a front matter that is read: a reader of YAML takes seconds for as many."""
_BLOCK = re.compile(r"\s{0,99}---\r?\n(.*?)\r?\n---", re.DOTALL)
_NAMED_SOURCES = 3
_LONGEST_NAME = 40


def configurations(manifest: Manifest) -> dict[str, dict[str, str]]:
    """Return of each configuration the pattern of its files for each split. The first is `default`."""
    found: dict[str, dict[str, str]] = {}
    for shard in filter(None, (_SHARD.fullmatch(file.path) for file in manifest.files)):
        folder, split, ending = shard.groups()
        pattern = f"{folder}/{split}.jsonl" if ending == ".jsonl" else f"{folder}/{split}-*.parquet"
        found.setdefault(folder, {})[split] = pattern
    return {
        "default" if folder == "data" else folder: dict(sorted(found[folder].items(), key=_order_of_split))
        for folder in [*(name for name in _FOLDERS if name in found), *sorted(found.keys() - {*_FOLDERS})]
    }


def _order_of_split(entry: tuple[str, str]) -> tuple[int, str]:
    split = entry[0]
    return (_SPLITS.index(split) if split in _SPLITS else len(_SPLITS)), split


def terms(manifest: Manifest) -> Terms:
    """Return the strictest licence of a release's samples."""
    return strictest(manifest.counts.get("samples_by_licence", {}).keys() or {UNKNOWN})


def rows(manifest: Manifest) -> int:
    """Return the rows of the default configuration: traces, of jsonl samples."""
    counted = ("samples", "samples_without_trace") if manifest.format == "jsonl" else ("traces",)
    return sum(sum(manifest.counts.get(what, {}).values()) for what in counted)


def size_category(count: int) -> str:
    """Return the Hub's name of a number of rows."""
    return next((name for power, name in enumerate(_SIZES, 3) if count < 10**power), "n>1T")


def pretty_name(manifest: Manifest) -> str:
    """Return a name that says what is in a release."""
    sources = by_size(manifest.counts.get("samples_by_source", {}))
    named = [words(title(source), _LONGEST_NAME) for source in sources[:_NAMED_SOURCES]]
    more = [f"{len(sources) - _NAMED_SOURCES} more"] if sources[_NAMED_SOURCES:] else []
    return f"Visual reasoning in four stages: {listed([*named, *more])}"


def by_size(counts: Mapping[str, int]) -> list[str]:
    """Return the names, that with most first."""
    return sorted(counts, key=lambda name: (-counts[name], name))


def front_matter(manifest: Manifest, languages: Sequence[str]) -> str:
    """Return the front matter as YAML, without the lines around it."""
    from huggingface_hub import DatasetCardData  # noqa: PLC0415 - half a second

    under = terms(manifest)
    data = DatasetCardData(
        pretty_name=pretty_name(manifest),
        license=under.hub,
        license_name=under.name,
        language=list(languages) or None,
        task_categories=["visual-question-answering", "image-text-to-text"],
        size_categories=[size_category(rows(manifest))],
        tags=_tags(manifest),
        configs=[
            {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in splits.items()]}
            for name, splits in configurations(manifest).items()
        ],
    )
    return data.to_yaml()


def _tags(manifest: Manifest) -> list[str]:
    kinds = manifest.counts.get("traces_by_kind", {})
    made = ["synthetic"] if kinds.keys() & {"model", "simulated"} else []
    return [
        "chain-of-thought",
        "multimodal",
        "visual-reasoning",
        *made,
        *(["simulated"] if "simulated" in kinds else []),
    ]


def differences(card: bytes, manifest: Manifest) -> Iterator[str]:
    """Give a sentence for each thing that a card's front matter says and the manifest does not.

    What it doesn't say is no difference, but for configurations: the Hub finds no other than `default` by itself.
    """
    try:
        said = _read(card)
    except ValueError as error:
        yield f"its front matter can't be read ({error})"
        return
    under = terms(manifest)
    given = under.name if under.hub == "other" else under.hub
    stated = said.get("license_name") if said.get("license") == "other" else said.get("license")
    if stated is not None and stated != given:
        yield f"its licence is {_short(stated)}, the strictest of the samples' is {given}"
    category, size = said.get("size_categories"), size_category(rows(manifest))
    if category is not None and category not in (size, [size]):
        yield f"its size_categories are {_short(category)}, {rows(manifest):,} rows are {size}"
    yield from _config_differences(said.get("configs"), configurations(manifest))


def _config_differences(said: object, given: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    stated = dict(_configs(said) if said is not None else [each for each in given.items() if each[0] == "default"])
    for name in dict.fromkeys([*given, *stated]):
        if name not in stated:
            yield f"its configs lack {name}"
        elif name not in given:
            yield f"its configs have {_short(name)}, of which there are no files"
        elif stated[name] != given[name]:
            yield f"its data_files of {name} are not those that are there"


def _configs(said: object) -> Iterator[tuple[str, object]]:
    """Give of each configuration its name, and its patterns by split where they are written as ours are."""
    for config in said if isinstance(said, list) else ():
        if isinstance(config, dict):
            files = config.get("data_files")
            yield str(config.get("config_name", "default")), _patterns(files)


def _patterns(files: object) -> dict[str, object] | None:
    if not isinstance(files, list) or not all(isinstance(each, dict) for each in files):
        return None
    return {str(each.get("split")): each.get("path") for each in files}


def _read(card: bytes) -> dict[str, Any]:
    """Return a card's front matter, empty where it has none. Raises ValueError."""
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with the Hub's client
    from huggingface_hub import DatasetCard  # noqa: PLC0415 - see above

    text = card.decode("utf-8", "replace").removeprefix("\ufeff")
    if not (block := _BLOCK.match(text)):
        return {}
    if len(block[0]) > _LONGEST:
        raise ValueError(f"it has {len(block[0]):,} characters")
    try:
        found: dict[str, Any] = DatasetCard(block[0]).data.to_dict()  # type: ignore[no-untyped-call]
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(_short(" ".join(str(error).split()))) from error
    return found


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"
