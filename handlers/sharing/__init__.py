"""Sharing: specs/003-sharing."""
