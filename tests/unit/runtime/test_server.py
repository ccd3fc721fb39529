"""What a process that serves does with its memory."""

import gc

from handfast.runtime.server import settle


def test_what_start_up_has_made_is_not_looked_through_again() -> None:
    frozen, threshold = gc.get_freeze_count(), gc.get_threshold()
    made: list[list[int]] = [[] for _ in range(1000)]
    try:
        gc.set_threshold(700, 10, 10)
        settle()
        assert gc.get_freeze_count() >= frozen + len(made)
        assert gc.get_threshold() > (700, 10, 10)
    finally:
        gc.set_threshold(*threshold)
