"""A search over networks of a user's own tells values apart where Keras does."""

import pytest

from tests.own_networks import searches
from tests.own_networks.bench import assert_searches_as_keras

SEARCHES = [
    pytest.param(
        network,
        id=str(network),
        marks=[pytest.mark.nightly] if network.nightly else [],
    )
    for network in searches.NETWORKS
]


@pytest.mark.parametrize("network", SEARCHES)
def test_a_search_tells_values_apart_as_keras_does(network):
    assert_searches_as_keras(network)
