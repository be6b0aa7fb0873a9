"""The parts of search_speed.py, and what runs in the processes that it measures."""
