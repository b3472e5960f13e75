"""How a host gets an access token of its own: by a one-time token, with a secret that is made here."""

import hashlib
import secrets

from certrail_agent import disk
from certrail_agent.api import Api
from certrail_agent.checkpoints import checkpoint
from certrail_agent.config import Config
from certrail_agent.errors import AgentError

LONGEST_TOKEN = 200


def enroll(config: Config, token: str) -> str:
    """Use the one-time token, and leave the access token in the state folder; what was granted, in words.

    The server learns the hash of the secret alone. It is on the disk before the call, so a call that was cut, or whose
    answer was lost, is repeated by running this again with the same one-time token.

    Raises:
        AgentError: there is a token already, or the server refused.
    """
    path, unfinished = config.token_path, config.state_dir / "token.secret"
    if path.exists():
        raise AgentError(f"this host has the token {path}", "To enroll it anew, move that file away.")
    try:
        secret = unfinished.read_text()
    except FileNotFoundError:
        secret = secrets.token_urlsafe(32)
        disk.replace(unfinished, secret.encode())
        checkpoint("secret-stored")
    api = Api(config.url, None, config.ca_file)
    answer = api.enroll(token, hashlib.sha256(secret.encode()).hexdigest())
    api.close()
    checkpoint("token-used")
    disk.replace(path, f"{answer['token']}{secret}".encode())
    checkpoint("token-stored")
    unfinished.unlink()
    disk.sync(unfinished.parent)
    where = f"{answer['profile']} in {answer['application']}"
    return f"{answer['name']} may request {', '.join(answer['names'])} by {where}"
