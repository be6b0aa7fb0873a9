"""The two sides of a two-tower network: ids with features, as arrays by their codes."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skrec.networks._fields import FieldSpec
from skrec.preprocessing import FieldEncoder
from skrec.preprocessing._interactions import codes, id_factor
from skrec.preprocessing._packed import (
    pack_frame,
    pack_values,
    unpack_frame,
    unpack_values,
)
from skrec.preprocessing._vocabulary import FIRST, UNKNOWN, Factor, Vocabulary
from skrec.recommenders._features import read_by_id
from skrec.recommenders._questions import some_of


@dataclass
class Features:
    """A frame that describes users or items, one a row.

    Parameters
    ----------
    ids : Factor
        The ids, each once.
    frame : DataFrame
        The other columns.
    name : str
        Of the argument, for the messages.
    """

    ids: Factor
    frame: pd.DataFrame
    name: str

    def __getstate__(self) -> dict[str, Any]:
        name, positions, values, rounded = self.ids
        ids = {"name": name, "positions": positions, "rounded": rounded}
        ids["values"] = pack_values(values)
        return {"ids": ids, "frame": pack_frame(self.frame), "name": self.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        ids = {**state["ids"], "values": unpack_values(state["ids"]["values"])}
        self.ids, self.name = Factor(**ids), state["name"]
        self.frame = unpack_frame(state["frame"])

    @classmethod
    def read(cls, X: Any, id_name: str, side: str, estimator: Any) -> "Features":
        """Find the ids among the columns of a frame.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_ids, n_columns)
            What describes ids.
        id_name : str
            Name of their column in the events; the first column if there is none.
        side : {"user", "item"}
            What it describes.
        estimator : estimator
            Who asks, for the messages.

        Returns
        -------
        Features
            The frame, read.

        Raises
        ------
        ValueError
            If nothing stands beside the ids, or an id twice.
        """
        name = f"{side}_features"
        ids, features = read_by_id(X, id_name, name, estimator)
        if not features.shape[1]:
            raise ValueError(
                f"{name} must have columns beside that of the ids. Received: columns "
                f"[{ids.name!r}]."
            )
        return cls(ids._replace(name=f"{ids.name} of {name}"), features, name)

    def followed_by(self, later: "Features") -> "Features":
        """Add what is said of further ids, or anew of these."""
        ids = np.concatenate(
            [f.ids.values[f.ids.positions].astype(object) for f in (self, later)]
        )
        missing = [name for name in self.frame if name not in later.frame]
        if missing:
            raise ValueError(
                f"{later.name} has no column {missing[0]!r}; it needs those of the "
                f"first call. Received: columns {list(later.frame)}."
            )
        frame = pd.concat([self.frame, later.frame[self.frame.columns]])
        last = ~pd.Series(ids).duplicated(keep="last").to_numpy()
        factor = id_factor(pd.Series(ids[last]).infer_objects(), self.ids.name)
        return Features(factor, frame[last].reset_index(drop=True), self.name)

    def by_code(self, vocabulary: Vocabulary) -> pd.DataFrame:
        """Return the rows of all ids, in the order of their codes."""
        own = codes(vocabulary, self.ids)
        place = np.full(len(vocabulary.ids), -1)
        place[own] = np.arange(len(own))
        missing = vocabulary.ids[place < 0]
        if len(missing):
            raise ValueError(
                f"{self.name} must have a row for each id of X: add them, with None "
                f"where nothing is known. Received: none for {some_of(missing)}."
            )
        return self.frame.iloc[place].reset_index(drop=True)


@dataclass
class Side:
    """Users, or items, and what turns their features into arrays.

    Parameters
    ----------
    name : {"user", "item"}
        What they are.
    features : Features or None
        What was given of them.
    encoder : FieldEncoder or None
        Learnt from the features of the first call.
    """

    name: str
    features: Features | None = None
    encoder: FieldEncoder | None = None

    @classmethod
    def learn(
        cls, name: str, features: Features | None, vocabulary: Vocabulary
    ) -> "Side":
        """Learn to encode features, or that there are none."""
        if features is None:
            return cls(name)
        encoder = FieldEncoder(numbers="robust").fit(features.by_code(vocabulary))
        return cls(name, features, encoder)

    def grown(self, features: Features | None) -> "Side":
        """Take further features, or others of the same ids."""
        if features is None:
            return self
        if self.features is None:
            raise ValueError(
                f"{features.name} was not given at first, so that the network has no "
                "inputs for it: leave it out, or call fit anew."
            )
        return replace(self, features=self.features.followed_by(features))

    @property
    def spec(self) -> FieldSpec:
        """Sizes of the features."""
        return FieldSpec() if self.encoder is None else self.encoder.spec_

    def arrays(
        self, vocabulary: Vocabulary, seen: np.ndarray, dtype: str
    ) -> dict[str, np.ndarray]:
        """Return what the network takes for each id, by its code.

        Those who were in no event that is trained on have the vector of unknown ids.
        """
        rows = np.full(len(vocabulary.ids), UNKNOWN, dtype=np.int32)
        rows[seen] = FIRST + seen
        arrays = {self.name: rows[:, None]}
        if self.features is not None and self.encoder is not None:
            encoded = self.encoder.encode(self.features.by_code(vocabulary))
            prepared = self.encoder.prepare(encoded, dtype)
            arrays |= {f"{self.name}_{name}": part for name, part in prepared.items()}
        return arrays


@dataclass
class TowerInputs:
    """Codes of users and items, turned into what the network takes.

    Parameters
    ----------
    arrays : dict of str to dict of str to ndarray
        Of ``"user"`` and ``"item"``: inputs for each code.
    """

    arrays: dict[str, dict[str, np.ndarray]]

    def prepare(self, encoded: dict[str, np.ndarray], dtype: str) -> Any:
        """Look codes up.

        Parameters
        ----------
        encoded : dict of str to ndarray
            ``user`` and ``item``, codes, and ``share``, each of shape (n_rows, 1).
        dtype : str
            That of the network's inputs.

        Returns
        -------
        dict of str to ndarray
            What the network takes.
        """
        prepared = {"share": encoded["share"].astype(dtype, copy=False)}
        for name, arrays in self.arrays.items():
            which = encoded[name][:, 0]
            prepared |= {name: array[which] for name, array in arrays.items()}
        return prepared
