"""Destinations in a folder of the test, what is put into them, and what is read there."""

import stat
from pathlib import Path

from certrail_destination_files import Files, FilesConfig
from certrail_sdk import Bundle, Deployment, Publication

PASSWORD = "correct horse battery"


def files(tmp_path: Path, **config: object) -> Files:
    return Files(FilesConfig.parse({"root": str(tmp_path), **config}))


def key_of(bundle: Bundle) -> str:
    assert bundle.private_key
    return bundle.private_key.get_secret_value()


def without_key(deployment: Deployment) -> Deployment:
    bundle = deployment.bundle.model_copy(update={"private_key": None})
    return deployment.model_copy(update={"bundle": bundle})


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def crl(**known: object) -> Publication:
    return Publication(
        delivery="list-1", name="root.crl", content=b"ours", media_type="application/pkix-crl", **known
    )
