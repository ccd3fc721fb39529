"""Hostile requests as data: a module a family, each kind as raw bytes with the answers that are right."""
