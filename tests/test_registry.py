"""The folder is the registry: a file's name is the plug-in's name, and it is imported when it is first used."""

import subprocess
import sys

import pytest

from curation import registry
from curation.errors import UsageError

PACKAGES = ["curation.sources", "curation.scorers", "curation.recipes", "curation.validators", "exports"]


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A package of plug-ins: it can be imported as `shelf.tools`."""
    folder = tmp_path / "shelf/tools"
    folder.mkdir(parents=True)
    for name in ["__init__", "_helper", "claw_hammer", "saw"]:
        (folder / f"{name}.py").write_text(f"NAME = {name!r}\n")
    (folder / "notes.txt").touch()
    (folder / "saw_blades").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    registry.names.cache_clear()
    registry.load.cache_clear()
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "shelf"]:
        del sys.modules[name]


def test_names_are_the_files_without_helpers_folders_and_other_files(shelf):
    assert registry.names("shelf.tools") == ("claw-hammer", "saw")


@pytest.mark.parametrize("name", ["claw-hammer", "claw_hammer"])
def test_dashes_and_underscores_name_the_same_plugin(shelf, name):
    assert registry.load("shelf.tools", name).NAME == "claw_hammer"
    assert registry.load("shelf.tools", "claw-hammer") is registry.load("shelf.tools", "claw_hammer")


@pytest.mark.parametrize(
    "name", ["_helper", "-helper", "helper", "__init__", "notes", "saw_blades", "", ".", "saw.py", "../saw", "SAW"]
)
def test_what_is_no_plugin_is_an_unknown_name(shelf, name):
    with pytest.raises(UsageError, match="no tool named"):
        registry.load("shelf.tools", name)


@pytest.mark.parametrize("name", ["claw-hamer", "claw_hamer", "clawhammer", "claw-hammers"])
def test_an_unknown_name_is_answered_with_the_nearest(shelf, name):
    with pytest.raises(UsageError, match=f"^no tool named '{name}'; did you mean 'claw-hammer'\\?$"):
        registry.load("shelf.tools", name)


def test_a_name_that_is_near_to_none_is_answered_with_all(shelf):
    with pytest.raises(UsageError, match=r"^no tool named 'xyz'; there are: claw-hammer, saw$"):
        registry.load("shelf.tools", "xyz")


def test_an_error_at_import_is_not_taken_for_an_unknown_name(shelf):
    (shelf / "saw.py").write_text("import surely_nobody_has_this\n")
    with pytest.raises(ModuleNotFoundError, match="surely_nobody_has_this"):
        registry.load("shelf.tools", "saw")


@pytest.mark.parametrize("package", ["curation.nothing", "nothing.at.all", "curation.errors"])
def test_an_unknown_package_is_an_error_of_ours(package):
    with pytest.raises(ModuleNotFoundError):
        registry.names(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_plugin_can_be_loaded(package):
    assert registry.names(package)
    for name in registry.names(package):
        assert registry.load(package, name).__doc__


def loaded_after(program):
    """Return the modules that a fresh process holds after it."""
    program += "\nimport sys; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


def test_a_plugin_is_imported_on_first_use_only():
    plugins = {f"{package}.{name.replace('-', '_')}" for package in PACKAGES for name in registry.names(package)}
    listed = f"from curation import registry\nfor package in {PACKAGES}: registry.names(package)"
    assert not loaded_after(listed) & plugins
    assert loaded_after(listed + "\nregistry.load('exports', 'jsonl')") & plugins == {"exports.jsonl"}
