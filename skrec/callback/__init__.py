"""Callbacks that keep what searches and fits come to, in stores that others read."""

from skrec.callback._mlflow import MLflowTracker
from skrec.callback._tensorboard import TensorBoardTracker
from skrec.callback._wandb import WandbTracker

__all__ = ["MLflowTracker", "TensorBoardTracker", "WandbTracker"]
