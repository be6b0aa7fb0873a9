"""Networks of a user's own train and predict as ``Model.fit`` makes them."""

import pytest

from tests.own_networks import (
    inputs_outputs,
    layers,
    losses,
    optimizers,
    own_layers,
    preprocessing_layers,
    subclassed,
)
from tests.own_networks.bench import assert_trains_as_keras

KINDS = (
    layers,
    own_layers,
    preprocessing_layers,
    losses,
    optimizers,
    inputs_outputs,
    subclassed,
)
NETWORKS = [
    pytest.param(
        network,
        id=f"{kind.__name__.rpartition('.')[2]}-{network}",
        marks=[pytest.mark.nightly] if network.nightly else [],
    )
    for kind in KINDS
    for network in kind.NETWORKS
]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_trains_as_in_keras(network):
    assert_trains_as_keras(network)


def test_the_bench_has_enough_networks():
    builds = [parameter.values[0].build for parameter in NETWORKS]
    assert len({build.__name__ for build in builds}) == len(builds) >= 60
    assert all(any(not n.nightly for n in kind.NETWORKS) for kind in KINDS)
    assert sum(not parameter.values[0].nightly for parameter in NETWORKS) >= 10
