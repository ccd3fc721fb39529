"""Business logic and persistence, written by hand; one package a feature."""
