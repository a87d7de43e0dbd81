"""Read a release in the format sharegpt with LLaMA-Factory's own code; print what it makes of each record, as JSON.

    python read_sharegpt.py FOLDER DATASET

Runs in an environment of its own, with LLaMA-Factory and none of our packages.
"""

import importlib.machinery
import importlib.util
import json
import sys
import types

if importlib.util.find_spec("torchaudio") is None:  # its wheels want CUDA; nothing here is heard
    silent = types.ModuleType("torchaudio")
    silent.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = silent

from llamafactory.data.loader import _load_single_dataset
from llamafactory.data.parser import get_dataset_list
from llamafactory.hparams import DataArguments, ModelArguments
from PIL import Image


def main(folder: str, name: str) -> None:
    """Print the aligned records: what is asked, what is answered, the images' sizes."""
    data = DataArguments(dataset_dir=folder, media_dir=folder, dataset=name)
    model = ModelArguments(model_name_or_path=folder, cache_dir=f"{folder}/../cache")
    training = types.SimpleNamespace(local_process_index=0, seed=0)
    (attributes,) = get_dataset_list([name], folder)
    for row in _load_single_dataset(attributes, model, data, training):
        sizes = [Image.open(path).size for path in row["_images"] or []]
        print(json.dumps({"prompt": row["_prompt"], "response": row["_response"], "sizes": sizes}))


main(*sys.argv[1:])
