"""Where the parts of an older project would go: to the Applications that use the same profiles."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """Where one thing would go.

    Attributes:
        applications: slugs of those that come into question, sorted.
        unplaced: slugs of profiles that no Application has attached; they need a new one, or to be attached.
        divided: whether it is about several profiles that go to different Applications.
    """

    applications: Sequence[str]
    unplaced: Sequence[str] = ()
    divided: bool = False

    @property
    def is_decided(self) -> bool:
        """Whether there is one Application for all of it."""
        return len(self.applications) == 1 and not self.unplaced and not self.divided


def place(profiles: Collection[str], attached: Mapping[str, Collection[str]]) -> Placement:
    """Where something goes that is about certificates of some profiles.

    A profile that one Application has attached goes there; with several of them a person chooses. What is about more
    than one profile goes where all of them go, and else is divided: each Application gets one of its own.

    Args:
        profiles: slugs.
        attached: slugs of the Applications that have a profile attached, by its slug.
    """
    ways = {profile: frozenset(attached.get(profile, ())) for profile in profiles}
    shared = frozenset.intersection(*ways.values()) if ways else frozenset()
    if shared:
        return Placement(tuple(sorted(shared)))
    every = frozenset().union(*ways.values())
    unplaced = tuple(sorted(profile for profile, found in ways.items() if not found))
    return Placement(tuple(sorted(every)), unplaced, divided=len(ways) > 1)
