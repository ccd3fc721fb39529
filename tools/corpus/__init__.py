"""Real contracts, each generated, checked and held against its own mock: `python -m tools.corpus`."""
