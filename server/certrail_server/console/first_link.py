"""A process of `certrail dev`: makes the sign-in link that the terminal prints."""

import argparse

from certrail_server.bootstrap import build
from certrail_server.cli.local.installation import settings
from certrail_server.workers.status import Status


def main() -> None:
    """Make a link for the first Product Admin, and send it to the parent."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--status", type=int, required=True)
    status = Status(parser.parse_args().status)
    link = build(settings(), make_keyring=False).services.sign_in_links.make()
    status.send(link=link.text, name=link.name)


if __name__ == "__main__":
    main()
