"""A child of `bench_million` in a peer's own environment: it imports nothing of ours, and prints one JSON object.

    PEER/bin/python million_peers.py datatrove-filters|data-juicer|datatrove-minhash|datasketch|text-dedup FILE…
        [--processes 2]

The files are the parts of one, alone in their folder.
"""

# ruff: noqa: PLC0415 - no environment has all of them

import argparse
import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LEAKS = r"(?i)\b(?:standard|given|provided|correct|expected) answer\b|\bground truth\b|\banswer key\b|\bprompt\b"
FLAGGED = "prompt instructions told supplied provided annotator dataset label key sorry apologize unable cannot"
STOPWORDS = "the of and with are this that which from there have each because it to we has its"


def datatrove_filters(files: list[Path], processes: int, folder: Path) -> dict[str, Any]:
    """Gopher's quality and repetition filters, C4's, and a regular expression: what is nearest to our checks."""
    from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter, GopherRepetitionFilter, RegexFilter

    c4 = C4QualityFilter(filter_no_terminal_punct=False, min_num_sentences=1, min_words_per_line=1)
    filters = [GopherQualityFilter(min_doc_words=1), GopherRepetitionFilter(), c4, RegexFilter(LEAKS)]
    _datatrove(files, processes, folder, filters)
    return {}


def _datatrove(files: list[Path], processes: int, folder: Path, steps: list[Any]) -> None:
    from datatrove.pipeline.readers import ParquetReader

    steps = [ParquetReader(str(files[0].parent), read_metadata=False), *steps]
    _execute(steps, len(files), processes, folder / "logs")


def _execute(steps: list[Any], tasks: int, processes: int, logs: Path) -> None:
    from datatrove.executor import LocalPipelineExecutor

    # By forking: what the children of a fork server cost is not counted.
    workers = min(processes, tasks)
    LocalPipelineExecutor(steps, tasks, workers, logging_dir=str(logs), start_method="fork").run()


def datatrove_minhash(files: list[Path], processes: int, folder: Path) -> dict[str, Any]:
    """Datatrove's four steps, with its own settings: 5 words, 14 buckets of 8 hashes."""
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.writers import JsonlWriter

    config = MinhashConfig()
    _datatrove(files, processes, folder / "1", [MinhashDedupSignature(str(folder / "sig"), config)])
    buckets = MinhashDedupBuckets(str(folder / "sig"), str(folder / "pairs"), config=config)
    _execute([buckets], config.num_buckets, processes, folder / "2")
    cluster = MinhashDedupCluster(str(folder / "pairs"), str(folder / "removed"), config=config)
    _execute([cluster], 1, processes, folder / "3")
    dropped = JsonlWriter(str(folder / "dropped"), compression=None)
    _datatrove(files, processes, folder / "4", [MinhashDedupFilter(str(folder / "removed"), exclusion_writer=dropped)])
    written = (folder / "dropped").glob("*.jsonl")
    return {"told": [json.loads(line)["id"] for file in written for line in file.open()]}


def data_juicer(files: list[Path], processes: int, folder: Path) -> dict[str, Any]:
    """Data-Juicer's filters of length, repetition, signs and words, with its own settings; the words are ours.

    The words stand for `leakage`, `refusal` and `language`. Its filter of languages wants a model from the network.
    """
    from data_juicer.config import init_configs
    from data_juicer.core import DefaultExecutor

    process = [
        {"text_length_filter": {"min_len": 1}},
        {"character_repetition_filter": {}},
        {"word_repetition_filter": {}},
        {"special_characters_filter": {}},
        {"alphanumeric_filter": {"tokenization": False}},
        {"words_num_filter": {"min_num": 1}},
        {"flagged_words_filter": {"flagged_words_dir": str(folder)}},
        {"stopwords_filter": {"stopwords_dir": str(folder)}},
    ]
    for name, words in (("flagged_words", FLAGGED), ("stopwords", STOPWORDS)):
        (folder / f"{name}.json").write_text(json.dumps({"en": words.split()}))
    settings = {
        "dataset_path": str(files[0].parent),
        "export_path": str(folder / "out.jsonl"),
        "np": processes,
        "use_cache": False,
        "process": process,
    }
    (folder / "run.yaml").write_text(json.dumps(settings))
    DefaultExecutor(init_configs(["--config", str(folder / "run.yaml")])).run()
    return {}


def datasketch(files: list[Path], processes: int, folder: Path) -> dict[str, Any]:
    """datasketch's MinHashLSH of three words, 128 permutations, one process: what text-dedup is made of."""
    import pyarrow.parquet as pq
    from datasketch import MinHash, MinHashLSH

    index, told = MinHashLSH(threshold=0.7, num_perm=128), []
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(4000, columns=["id", "text"]):
            for row in batch.to_pylist():
                words = row["text"].lower().split()
                shingles = {" ".join(words[at : at + 3]).encode() for at in range(len(words) - 2)}
                sketch = MinHash(num_perm=128)
                sketch.update_batch(shingles)
                if index.query(sketch):
                    told.append(row["id"])
                index.insert(row["id"], sketch)
    return {"told": told}


def text_dedup(files: list[Path], processes: int, folder: Path) -> dict[str, Any]:
    """text-dedup's MinHash, with its own settings: 5 words, 250 permutations, at a Jaccard similarity of 0.7."""
    from datasets import disable_progress_bars, load_from_disk
    from text_dedup.minhash import main as minhash

    disable_progress_bars()
    places = {"path": "parquet", "data_dir": files[0].parent, "cache_dir": folder / "cache", "output": folder / "kept"}
    given = places | {"split": "train", "column": "text", "num_proc": processes}
    minhash([f"--{name}={value}" for name, value in given.items()], standalone_mode=False)
    ids = [each for file in files for each in _ids(file)]
    kept = set(load_from_disk(str(folder / "kept"))["id"])
    return {"told": [each for each in ids if each not in kept]}


def _ids(file: Path) -> list[str]:
    import pyarrow.parquet as pq

    return pq.read_table(file, columns=["id"])["id"].to_pylist()


def main() -> None:
    """Run what is asked for."""
    runs = {
        "datatrove-filters": datatrove_filters,
        "datatrove-minhash": datatrove_minhash,
        "data-juicer": data_juicer,
        "datasketch": datasketch,
        "text-dedup": text_dedup,
    }
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("what", choices=runs)
    arguments.add_argument("files", type=Path, nargs="+")
    arguments.add_argument("--processes", type=int, default=2)
    options = arguments.parse_args()
    folder = Path(tempfile.mkdtemp())
    begun = time.perf_counter()
    try:
        made = runs[options.what](options.files, options.processes, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024
    # Data-Juicer puts a log in place of sys.stdout.
    print("\n" + json.dumps(made | {"seconds": time.perf_counter() - begun, "peak": peak}), file=sys.__stdout__)


if __name__ == "__main__":
    main()
