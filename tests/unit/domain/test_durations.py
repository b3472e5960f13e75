from datetime import timedelta

import pytest

from certrail.domain.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("47d", timedelta(days=47)),
        ("36h", timedelta(hours=36)),
        ("90m", timedelta(minutes=90)),
        ("1d12h", timedelta(hours=36)),
        ("2w", timedelta(weeks=2)),
        ("PT36H", timedelta(hours=36)),
        ("P1DT1H1M1S", timedelta(days=1, hours=1, minutes=1, seconds=1)),
        (" 5s ", timedelta(seconds=5)),
    ],
)
def test_both_forms_are_read(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "d", "47", "1.5h", "-1d", "P", "PT", "P1DT", "1y", "1d 2h", "٣d", "1" * 60 + "d"]
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="36h"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["101w36500d", "36526d", "9" * 30 + "w"])
def test_more_than_a_century_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="century"):
        parse_duration(text)
