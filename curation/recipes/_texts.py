"""The prompts' texts: files of ours, and a user's own in their place."""

from functools import partial
from pathlib import Path

from curation.prompts import files as prompt_files

read = partial(prompt_files.read, Path(__file__).parent / "prompts")
