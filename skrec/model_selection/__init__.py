"""Searches over hyper-parameters, beside those of scikit-learn."""
