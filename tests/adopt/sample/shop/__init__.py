"""A service as teams write them by hand."""
