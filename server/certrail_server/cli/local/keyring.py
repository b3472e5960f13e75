"""`certrail keyring`."""

import typer
from rich.markup import escape

from certrail_server.cli.common import counting, fail, out
from certrail_server.cli.local.installation import database_errors, joined, require_data, settings
from certrail_server.words import counted

app = typer.Typer(no_args_is_help=True)


@app.command()
def rotate() -> None:
    """Add a key that encrypts from now on; the old keys stay for decryption."""
    from certrail.crypto.keyring import Keyring, KeyringError

    chosen = settings()
    require_data(chosen)
    if chosen.keyring is not None:
        fail(
            "The keyring is given as CERTRAIL_KEYRING; keep it in a file, CERTRAIL_KEYRING_FILE, to rotate it."
        )
    path = chosen.keyring_path()
    try:
        keyring = Keyring.load(path)
        key_id = keyring.rotate()
        keyring.save(path)
    except (KeyringError, OSError) as problem:
        fail(str(problem))
    out.print(f"{escape(str(path))} has the new key {key_id}.", highlight=False, soft_wrap=True)
    out.print("Back the file up, then run: certrail keyring re-encrypt", highlight=False)


@app.command("re-encrypt")
def reencrypt() -> None:
    """Encrypt all stored secrets with the newest key; an interrupted run is completed by the next."""
    from certrail.crypto.keyring import KeyringError
    from certrail.services.operations.schema_watch import prepare

    parts = joined()
    with database_errors(), counting("envelopes re-encrypted") as report:
        prepare(parts.context.db, parts.context.keyring)
        try:
            count = parts.services.key_rotation.reencrypt(report)
        except KeyringError as problem:
            fail(str(problem))
    out.print(f"{counted(count, 'envelope')} re-encrypted", highlight=False)
