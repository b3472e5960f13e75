"""A plugin is seen by mypy and by the import contracts because its folder is there."""

import configparser
import shutil
import tomllib
from pathlib import Path

from mypy.config_parser import parse_config_file
from mypy.options import Options
from tests.house.plugin_lists import ROOT, derived, folders, outdated, packages

SECTIONS = {
    "importlinter": "root_packages",
    "importlinter:contract:plugins": "source_modules",
    "importlinter:contract:nobody": "protected_modules",
}


def test_the_lists_are_those_of_the_folders() -> None:
    assert not outdated(ROOT), "run python -m tests.house.plugin_lists"


def test_each_contract_names_every_plugin() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    assert len(packages(ROOT)) == len(folders(ROOT)) >= 9
    for section, key in SECTIONS.items():
        assert {*packages(ROOT)} <= {*config[section][key].split()}, section


def test_mypy_checks_every_plugin_and_its_tests() -> None:
    options = Options()
    parse_config_file(options, lambda: None, str(ROOT / "pyproject.toml"))
    assert options.files is not None
    files = {Path(file).resolve() for file in options.files}
    paths = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["mypy_path"]
    for folder in folders(ROOT):
        assert {*folder.glob("certrail_*")} <= files, folder
        assert folder.relative_to(ROOT).as_posix() in paths


def test_a_new_folder_makes_the_lists_outdated(tmp_path: Path) -> None:
    for name in (".importlinter", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    names = Path("engine/certrail/plugins/bundled.py")
    (tmp_path / names).parent.mkdir(parents=True)
    shutil.copy(ROOT / names, tmp_path / names)
    for folder in folders(ROOT):
        shutil.copytree(folder, tmp_path / folder.relative_to(ROOT), ignore=shutil.ignore_patterns("tests"))
    assert not outdated(tmp_path)
    package = tmp_path / "plugins/issuers/acme/certrail_issuer_acme"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "pyproject.toml").touch()
    assert outdated(tmp_path) == [".importlinter", "pyproject.toml", "bundled.py"]
    contracts, project, bundled = derived(tmp_path).values()
    assert contracts.count("    certrail_issuer_acme\n") == len(SECTIONS)
    assert '    "plugins/issuers/acme",\n' in project
    assert '    "issuer-acme",\n' in bundled
