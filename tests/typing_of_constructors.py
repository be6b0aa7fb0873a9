"""What type checkers say of constructors; mypy reports each comment that is not needed.

This is no test of pytest's: `mypy` reads it, by its settings in ``pyproject.toml``.
"""

from skrec import AutoIntClassifier, CNNClassifier, MLPRegressor

MLPRegressor(8, dropout=0.1, l2="auto", linear_start=False).fit([[1.0]], [1.0])
CNNClassifier(32, 3, 2, 64, learning_rate=0.01).set_params(filters=8)

AutoIntClassifier(dropuot=0.1)  # type: ignore[call-arg]
AutoIntClassifier(activation="tanh")  # type: ignore[call-arg]
MLPRegressor(8, 9)  # type: ignore[arg-type, call-arg]
MLPRegressor(dropout="high")  # type: ignore[arg-type]
CNNClassifier(l2=[0.1])  # type: ignore[arg-type]
