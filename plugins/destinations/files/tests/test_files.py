import stat
from pathlib import Path

import pytest

from certrail_destination_files import Files, FilesConfig
from certrail_destination_files import folder as folder_module
from certrail_sdk import Permanent
from certrail_sdk.testing import make_deployment, renewed
from certrail_sdk.testing.destination import with_receipt


def files(tmp_path: Path, **config: object) -> Files:
    return Files(FilesConfig.parse({"directory": str(tmp_path), **config}))


async def test_modes_are_those_of_the_configuration(tmp_path: Path) -> None:
    await files(tmp_path, certificate_mode="0640", key_mode="0400").deploy(make_deployment("web"))
    current = tmp_path / "web" / "current"
    assert stat.S_IMODE((current / "cert.pem").stat().st_mode) == 0o640
    assert stat.S_IMODE((current / "privkey.pem").stat().st_mode) == 0o400


async def test_a_crash_before_the_swap_leaves_the_old_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_deployment("web")
    receipt = await files(tmp_path).deploy(old)

    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    monkeypatch.setattr(folder_module.Folder, "_point_at", crash)
    newer = with_receipt(renewed(old), receipt)
    with pytest.raises(Crash):
        await files(tmp_path).deploy(newer)
    seen = await files(tmp_path).observe(old)
    assert (seen.fingerprint, seen.key_matches) == (old.bundle.fingerprint, True)
    monkeypatch.undo()
    assert (await files(tmp_path).deploy(newer)).changed
    seen = await files(tmp_path).observe(old)
    assert (seen.fingerprint, seen.key_matches) == (newer.bundle.fingerprint, True)


async def test_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "precious").write_text("keep")
    with pytest.raises(Permanent, match="not made by this delivery"):
        await files(tmp_path).deploy(make_deployment("web"))
    assert (tmp_path / "web" / "precious").read_text() == "keep"


async def test_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "web").symlink_to(outside)
    with pytest.raises(Permanent):
        await files(inside).deploy(make_deployment("web"))
    assert not list(outside.iterdir())


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", ""])
async def test_names_stay_inside_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(Permanent):
        await files(tmp_path).deploy(make_deployment(name))


async def test_old_versions_are_pruned(tmp_path: Path) -> None:
    deployment = make_deployment("web")
    for _ in range(4):
        await files(tmp_path).deploy(deployment)
        deployment = renewed(deployment)
    assert len(list((tmp_path / "web" / "versions").iterdir())) == 2
