"""`make demo`: play the story, then show what was read back, and where the console is."""

import argparse
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from examples.demo.installation import Installation
from examples.demo.story import Story
from examples.demo.team import assemble
from examples.demo.world import World
from rich.console import Console
from rich.markup import escape
from rich.table import Table

DATA = Path(".demo")
console = Console()


def main() -> int:
    """Exit code 0 when every row of the table was read back."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description="Play the whole story.")
    parser.add_argument("--stay", action="store_true", help="keep everything running until Ctrl-C")
    stay = parser.parse_args().stay
    began = time.monotonic()
    shutil.rmtree(DATA, ignore_errors=True)
    installation = Installation((DATA / "certrail").resolve())
    folder = (DATA / "delivered").resolve()
    try:
        with World() as world:
            say("fakes of ACM, Key Vault, Slack and mail are up")
            installation.start()
            say(f"certrail dev is up at {installation.url}")
            team = assemble(installation, world, folder)
            say("authority, policy, profile, people, channels and syncs are made")
            world.acm.hold("after")
            story = Story(installation, world, team, folder)
            for step in (
                story.ask,
                story.vote_by_api,
                story.vote_in_slack,
                story.wait_until_issued,
                story.kill_in_flight,
                story.wait_until_delivered,
                story.wait_until_reported,
            ):
                say(step())
            show(story, time.monotonic() - began)
            if stay:
                wait_for_the_end(installation)
            else:
                console.print("Look at all of it in a browser: make demo ARGS=--stay", highlight=False)
    except Exception:
        console.print_exception(show_locals=False)
        if installation.log.exists():
            console.print("[bold]the end of certrail's log:[/bold]")
            console.print(installation.tail(), markup=False, highlight=False)
        return 1
    finally:
        installation.stop()
    return 0


def wait_for_the_end(installation: Installation) -> None:
    """Print the console's link, and return at Ctrl-C or SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    console.print(f"Console, once within 10 minutes: {installation.run('console')}", soft_wrap=True)
    console.print("Ctrl-C stops everything.")
    ended.wait()


def say(what: str) -> None:
    """One line of progress."""
    console.print(f"[green]✓[/green] {escape(what)}", highlight=False)


def show(story: Story, seconds: float) -> None:
    """The table; each row is read back as it is drawn."""
    table = Table(
        "what", "where", "read back", title=f"One certificate, from request to receipt ({seconds:.0f} s)"
    )
    for fact in story.facts():
        table.add_row(fact.what, escape(fact.where), escape(fact.seen))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
