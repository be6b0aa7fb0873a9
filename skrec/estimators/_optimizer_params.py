"""``optimizer__momentum`` and its like as parameters of an estimator."""

from typing import Any

from skrec.training.optimizers import did_you_mean

PREFIX = "optimizer__"


class OptimizerParamsMixin:
    """Reads and replaces entries of ``optimizer_params``, which it never mutates."""

    optimizer_params: dict[str, Any] | None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to list the entries of ``optimizer_params`` too, with
            ``optimizer__`` in front.

        Returns
        -------
        dict
            Parameter names and values.
        """
        params = super().get_params(deep=deep)  # type: ignore[misc]
        routed = params["optimizer_params"]
        if deep and isinstance(routed, dict):
            params.update({PREFIX + name: value for name, value in routed.items()})
        return params

    def set_params(self, **params: Any) -> Any:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Parameter names and values; ``optimizer__momentum=0.8`` sets one entry of
            ``optimizer_params``.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        routed = {
            name.removeprefix(PREFIX): params.pop(name)
            for name in list(params)
            if name.startswith(PREFIX)
        }
        legal = self._get_param_names()  # type: ignore[attr-defined]
        for name in params:
            if name not in legal:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator "
                    f"{type(self).__name__}.{did_you_mean(name, legal)} Valid "
                    f"parameters are: {legal}, and the optimizer's own with "
                    f"{PREFIX!r} in front."
                )
        super().set_params(**params)  # type: ignore[misc]
        if routed:
            self.optimizer_params = {**(self.optimizer_params or {}), **routed}
        return self
