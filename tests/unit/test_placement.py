"""Where the parts of an older project would go."""

import pytest

from certrail.services.migration.placement import Placement, place

ATTACHED = {"web": {"shop", "blog"}, "internal": {"shop"}, "devices": {"plant"}}


@pytest.mark.parametrize(
    ("profiles", "where", "decided"),
    [
        (["internal"], Placement(("shop",)), True),
        (["web"], Placement(("blog", "shop")), False),
        (["mail"], Placement((), ("mail",)), False),
        (["web", "internal"], Placement(("shop",)), True),
        (["internal", "devices"], Placement(("plant", "shop"), divided=True), False),
        (["internal", "mail"], Placement(("shop",), ("mail",), divided=True), False),
        ([], Placement(()), False),
    ],
)
def test_a_thing_goes_where_all_of_its_profiles_go(
    profiles: list[str], where: Placement, decided: bool
) -> None:
    found = place(profiles, ATTACHED)
    assert found == where
    assert found.is_decided == decided
