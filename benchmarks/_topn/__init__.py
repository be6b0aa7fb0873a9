"""Parts of quality_topn.py and rank_speed.py."""
