"""Read a benchmark with VLMEvalKit's own code; print what it would ask for each row, as JSON.

    LMUData=FOLDER python read_tsv.py NAME

Runs in an environment of its own, with VLMEvalKit and none of our packages. Its packages import the metrics of two
hundred benchmarks and the clients of all models, and with them what those need: here they are made of the modules that
read a file.
"""

import json
import sys
import types
from importlib.util import find_spec
from pathlib import Path


def stand_in(name: str, **known: object) -> None:
    """Put a package that imports nothing by itself in the place of one of VLMEvalKit's."""
    package = types.ModuleType(name)
    package.__path__ = [str(HOME.joinpath(*name.split(".")[1:]))]
    vars(package).update(known)
    sys.modules[name] = package


HOME = Path(find_spec("vlmeval").origin).parent
stand_in("vlmeval")
stand_in("vlmeval.dataset")
stand_in("vlmeval.dataset.utils", DEBUG_MESSAGE="", build_judge=None)
stand_in("vlmeval.utils", track_progress_rich=None)

from PIL import Image  # noqa: E402 - after the packages that stand in
from vlmeval.dataset.image_mcq import CustomMCQDataset  # noqa: E402
from vlmeval.dataset.image_vqa import CustomVQADataset  # noqa: E402
from vlmeval.smp import LMUDataRoot, load  # noqa: E402


def main(name: str) -> None:
    """Print of each row its number, the question as a model is asked it, the answer, and the images' sizes."""
    columns = load(f"{LMUDataRoot()}/{name}.tsv").columns
    kind = CustomMCQDataset if {"A", "B"} <= set(columns) else CustomVQADataset  # as vlmeval.dataset.build_dataset does
    rows = kind(name)
    for number in range(len(rows)):
        asked = rows.build_prompt(number)
        texts = [part["value"] for part in asked if part["type"] == "text"]
        sizes = [Image.open(part["value"]).size for part in asked if part["type"] == "image"]
        line = rows[number]
        print(
            json.dumps(
                {"kind": kind.__name__, "id": line["id"], "text": texts, "answer": str(line["answer"]), "sizes": sizes}
            )
        )


main(*sys.argv[1:])
