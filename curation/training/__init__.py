"""Training on a release: a loop of our own on torch, with transformers' models and processors only.

`fit` trains a model in place, in this process or in those of `torchrun`; `stage_losses` is its objective for others.
Neither is built on transformers' Trainer, whose resume loses weights of Mllama, LLaVA and Qwen2.5-VL, nor on TRL.
"""

from curation.training.loop import Data, fit
from curation.training.objective import StageLosses, stage_losses
from curation.training.outcome import Losses, Outcome
from curation.training.records import Rows, index
from curation.training.results import Place
from curation.training.settings import Settings

__all__ = ["Data", "Losses", "Outcome", "Place", "Rows", "Settings", "StageLosses", "fit", "index", "stage_losses"]
