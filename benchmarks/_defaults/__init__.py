"""The parts of defaults.py: tables, systems, runs and the report."""
