"""Parts of quality_ctr.py: data, features, models, peers and the tables."""
