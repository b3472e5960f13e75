"""`python -m certrail_server` is the `certrail` command."""

from certrail_server.cli import app


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
