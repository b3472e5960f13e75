"""What a refusal says."""

from certrail.domain.errors import LONGEST_SHOWN, NotFound


def test_what_is_not_there_is_named() -> None:
    assert NotFound("channel", "pager").detail == "There is no channel 'pager', or you may not see it."
    assert NotFound("channel").detail == "There is no such channel, or you may not see it."


def test_a_long_reference_is_cut_and_a_strange_one_is_escaped() -> None:
    detail = NotFound("channel", "x" * 1000).detail
    assert f"'{'x' * (LONGEST_SHOWN - 1)}…'" in detail
    assert NotFound("channel", "x" * LONGEST_SHOWN).detail.count("x") == LONGEST_SHOWN
    assert "\n" not in NotFound("channel", "a\nb").detail
