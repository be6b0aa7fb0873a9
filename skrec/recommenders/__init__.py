"""Recommenders: events of users and items in, a ranked list of items for each out."""

from skrec.recommenders.als import ALSRecommender
from skrec.recommenders.caser import CaserRecommender
from skrec.recommenders.ease import EASERecommender
from skrec.recommenders.gru4rec import GRU4RecRecommender
from skrec.recommenders.item_knn import ItemKNNRecommender
from skrec.recommenders.popular import PopularRecommender
from skrec.recommenders.sasrec import BSARecRecommender, SASRecRecommender
from skrec.recommenders.two_stage import TwoStageRecommender

__all__ = [
    "ALSRecommender",
    "BSARecRecommender",
    "CaserRecommender",
    "EASERecommender",
    "GRU4RecRecommender",
    "ItemKNNRecommender",
    "PopularRecommender",
    "SASRecRecommender",
    "TwoStageRecommender",
]
