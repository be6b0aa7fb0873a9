"""What the scores of a study depend on: written into it, and compared with a search."""

from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator

from skrec._warn import warn_user
from skrec.model_selection._search_digest import NO_INFLUENCE, SearchDigester

SETTINGS = "skrec:settings"
# Raise it where the digest of the same thing changes.
FORMAT = 2
_PLAIN = (bool, int, float, str, type(None))
_LONGEST_TEXT = 60


class Settings:
    """The settings of a search, each as text that differs where its value does.

    Parameters
    ----------
    estimator : estimator
        What is tuned; each of its parameters is a setting.
    values : dict of str to object
        The others.
    """

    def __init__(self, estimator: BaseEstimator, values: Mapping[str, Any]) -> None:
        self.unknown: list[str] = []
        params = estimator.get_params()
        # Steps of a pipeline come again, by their names.
        apart = tuple(v for v in params.values() if hasattr(v, "get_params"))
        self.texts: dict[str, Any] = {
            "format": FORMAT,
            "estimator": {
                "": self._text("estimator", estimator, (*apart, estimator)),
                **{
                    name: self._text(f"estimator: {name}", value, apart)
                    for name, value in params.items()
                    if name.rpartition("__")[2] not in NO_INFLUENCE
                },
            },
            **{name: self._text(name, value) for name, value in values.items()},
        }

    def _text(self, name: str, value: Any, apart: tuple[Any, ...] = ()) -> str:
        """Return a short plain value as it is, and of any other the digest."""
        if type(value) in _PLAIN and len(repr(value)) <= _LONGEST_TEXT:
            return repr(value)
        digester = SearchDigester(apart)
        shape = getattr(value, "shape", "")
        text = f"{type(value).__name__} {shape}{' ' * bool(shape)}{digester.of(value)}"
        self.unknown += [f"{name} ({reason})" for reason in digester.unknown]
        return text

    def warn_of_unknown(self) -> None:
        """Say, once a search, what cannot be compared with that of stored trials."""
        if self.unknown:
            warn_user(
                "OptunaSearchCV stores trials, and takes over stored ones, although "
                f"some of what scores may depend on has no value to compare: "
                f"{'; '.join(dict.fromkeys(self.unknown))}. Use another study_name "
                "where it has changed."
            )

    def sign_or_refuse(self, study: Any) -> None:
        """Sign a new study with these settings, and refuse one with others.

        Parameters
        ----------
        study : optuna.Study
            The study.

        Raises
        ------
        ValueError
            If the study was made with other settings, or not by this package. It is
            left as it is.
        """
        has_begun = any(trial.state.name != "WAITING" for trial in study.get_trials())
        known = study.user_attrs.get(SETTINGS)
        if study.direction.name != "MAXIMIZE" or (known is None and has_begun):
            raise ValueError(
                "OptunaSearchCV can continue only studies of its own, which maximize. "
                f"{_REMEDY} Received: study {study.study_name!r}."
            )
        if known is None:
            study.set_user_attr(SETTINGS, self.texts)
        elif known.get("format") != FORMAT:
            raise ValueError(
                f"The study {study.study_name!r} was written by another release of "
                "skrec, which compared other settings, so that its scores may be those "
                f"of other data or of another model. {_REMEDY} Received: a study of "
                f"format {known.get('format', 1)}, not {FORMAT}."
            )
        elif differ := _differences(known, self.texts):
            raise ValueError(
                f"The study {study.study_name!r} holds trials that cannot be compared "
                f"with those of this search: other {', '.join(differ)}. {_REMEDY} "
                f"Received: {'; '.join(map(_shown, differ.values(), differ))}."
            )


_REMEDY = "Pass another study_name or storage; this study is left as it is."


def _differences(stored: dict, now: dict) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, as stored and now."""
    pairs = {
        name: (stored.get(name), text)
        for name, text in now.items()
        if name != "estimator" and stored.get(name) != text
    }
    ours, theirs = now["estimator"], stored.get("estimator", {})
    names = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
    if "" in names:  # another class has other parameters
        names = [""]
    for name in names:
        of = f" ({name})" if name else ""
        pairs[f"estimator{of}"] = theirs.get(name), ours.get(name)
    return pairs


def _shown(pair: tuple[Any, Any], name: str) -> str:
    stored, now = pair
    return f"{name} {now}, stored {stored}"
