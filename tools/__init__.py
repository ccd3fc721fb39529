"""Tools for those who work on Handfast; never in the wheel."""
