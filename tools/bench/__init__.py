"""Benchmarks: ours and the peers in one run, ratios first. Run `nox -s bench`."""
