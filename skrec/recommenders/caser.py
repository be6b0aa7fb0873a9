"""Caser: convolutions over the last few items of a user."""

from skrec._docs import with_fitted_docs
from skrec._sklearn import StrOptions
from skrec.estimators._declared import COUNT, param, with_parameters
from skrec.estimators.base import ACTIVATIONS
from skrec.networks import Network, build_caser
from skrec.recommenders.sequences import SequenceRecommender


@with_fitted_docs
@with_parameters
class CaserRecommender(SequenceRecommender):
    """Convolutions over the last few items of a user, to recommend the next.

    The vectors of the last items are an image; filters from one item to all see what
    comes in a row, others weigh the items [1]_.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(log_fitted)s
    item_embeddings_ : DataFrame of shape (n_items, units)
        Vectors of the items, those that are compared with what the network says.
    %(log_trained)s

    Notes
    -----
    The paper adds a vector of the user and predicts the next `T` items from each image.
    Here users are what they did, so that new ones need no training, and each event is
    the target of one image.

    References
    ----------
    .. [1] J. Tang and K. Wang, "Personalized top-N sequential recommendation via
       convolutional sequence embedding", WSDM 2018.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrec.recommenders import CaserRecommender
    >>> events = pd.DataFrame({"user": [1, 1, 1, 2, 2, 2], "item": list("abcabc")})
    >>> model = CaserRecommender(units=8, filters=4, epochs=2, random_state=0)
    >>> model.fit(events).recommend([1, 2], n=1, exclude_seen=False).shape
    (2, 4)
    """

    filters: int = param(
        default=16,
        legal=[COUNT],
        doc="""int
            Horizontal filters of each height, from one item to `max_len`.""",
    )
    vertical_filters: int = param(
        default=4,
        legal=[COUNT],
        doc="""int
            Vertical filters, each a weighted sum of the items.""",
    )
    units: int = param(
        default=50,
        legal=[COUNT],
        doc="""int
            Width of the dense layer, and length of the vectors it is compared with.""",
    )
    embedding_dim: int = param(
        default=50,
        legal=[COUNT],
        doc="""int
            Length of the vectors in the image.""",
    )
    activation: str = param(
        default="relu",
        legal=[StrOptions(ACTIVATIONS)],
        doc="""str
            Activation of horizontal filters and the dense layer, by its Keras name.""",
    )
    max_len: int = param(
        default=5,
        doc="""int
            Items in the image: the latest.""",
    )
    dropout: float = param(
        default=0.5,
        doc="""float
            Fraction of what the filters say dropped in training, in [0, 1).""",
    )

    _has_many_targets = False

    def _network(self, n_outputs: int) -> Network:
        return Network.of(
            build_caser,
            **self._table_options(),
            embedding_dim=int(self.embedding_dim),
            filters=int(self.filters),
            vertical_filters=int(self.vertical_filters),
            units=int(self.units),
            activation=self.activation,
        )
