"""Recommenders: events of users and items in, a ranked list of items for each out."""

from skrec import _runtime  # noqa: F401  (before Keras is imported)
from skrec.recommenders.als import ALSRecommender
from skrec.recommenders.bpr import BPRRecommender
from skrec.recommenders.caser import CaserRecommender
from skrec.recommenders.ease import EASERecommender
from skrec.recommenders.gru4rec import GRU4RecRecommender
from skrec.recommenders.item_knn import ItemKNNRecommender
from skrec.recommenders.neumf import NeuMFRecommender
from skrec.recommenders.popular import PopularRecommender
from skrec.recommenders.sasrec import BSARecRecommender, SASRecRecommender
from skrec.recommenders.two_stage import TwoStageRecommender
from skrec.recommenders.two_tower import TwoTowerRecommender

__all__ = [
    "ALSRecommender",
    "BPRRecommender",
    "BSARecRecommender",
    "CaserRecommender",
    "EASERecommender",
    "GRU4RecRecommender",
    "ItemKNNRecommender",
    "NeuMFRecommender",
    "PopularRecommender",
    "SASRecRecommender",
    "TwoStageRecommender",
    "TwoTowerRecommender",
]
