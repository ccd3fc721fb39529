"""What a process that serves does with its memory."""

import gc

from handfast.runtime.server import settle


def test_what_start_up_has_made_is_not_looked_through_again() -> None:
    threshold = gc.get_threshold()
    try:
        settle()
        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold() > threshold
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
