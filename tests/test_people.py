"""Who may review: names, roles, passwords that are kept as hashes, and addresses of a provider."""

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import DataError, MissingError, UsageError
from curation.review import Reviewer
from curation.review.guidelines import guidelines
from curation.review.people import People, Person, add, hashed, matches, read, remove


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with Ada, who has a password, and Bo, who comes through a provider."""
    path = tmp_path_factory.mktemp("people") / "people.toml"
    add(path, "ada", "correct horse", role="adjudicator")
    add(path, "bo", email="Bo@Example.org")
    return path


def test_a_reviewer_comes_in_with_name_and_password(people: Path) -> None:
    assert read(people).verify("ada", "correct horse") == Reviewer("ada", "adjudicator")


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("ada", ""), ("nobody", "correct horse"), ("bo", "")])
def test_nobody_comes_in_with_anything_else(people: Path, name: str, password: str) -> None:
    assert read(people).verify(name, password) is None


def test_an_address_names_its_reviewer_in_any_case_of_letters(people: Path) -> None:
    assert read(people).by_email("bo@example.ORG") == Reviewer("bo", "reviewer")
    assert read(people).by_email("") is None


def test_the_file_holds_no_password_and_is_its_owners_alone(people: Path) -> None:
    assert "correct horse" not in people.read_text()
    assert stat.S_IMODE(people.stat().st_mode) == 0o600


def test_the_same_password_is_never_hashed_to_the_same() -> None:
    assert hashed("secret") != hashed("secret")


def test_somebody_can_be_given_another_password_and_be_taken_out(people: Path, tmp_path: Path) -> None:
    path = tmp_path / "people.toml"
    path.write_bytes(people.read_bytes())
    add(path, "ada", "battery staple")
    assert read(path).verify("ada", "correct horse") is None
    assert read(path).verify("ada", "battery staple") == Reviewer("ada", "reviewer")
    remove(path, "ada")
    assert read(path).reviewer("ada") is None
    with pytest.raises(UsageError, match="names nobody ada"):
        remove(path, "ada")


@pytest.mark.parametrize("name", ["", "a b", "../etc", "a" * 65, "<b>", "a\n"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name"):
        add(tmp_path / "people.toml", name, "secret")


def test_a_role_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="chief is no role"):
        add(tmp_path / "people.toml", "ada", "secret", role="chief")


def test_neither_password_nor_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a password"):
        add(tmp_path / "people.toml", "ada")


@pytest.mark.parametrize(
    "text",
    ["reviewers = 3", "[reviewers.ada]\nrole = 'chief'", "[reviewers.'a b']", "[", "[reviewers.ada]\npasword = 'x'"],
)
def test_a_file_that_is_wrong_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "people.toml"
    path.write_text(text)
    with pytest.raises((DataError, UsageError)):
        read(path)


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="people add"):
        read(tmp_path / "people.toml")


@given(st.text())
def test_what_is_no_hash_matches_nothing(stored: str) -> None:
    assert not matches("secret", stored)


@settings(max_examples=30)
@given(st.emails(), st.sampled_from(["reviewer", "adjudicator", "admin"]))
def test_what_is_added_is_read_again(tmp_path_factory: pytest.TempPathFactory, email: str, role: str) -> None:
    path = tmp_path_factory.mktemp("people") / "people.toml"
    person = add(path, "ada", role=role, email=email)
    assert read(path).persons == {"ada": person} == People({"ada": Person(role=role, email=email)}).persons  # type: ignore[arg-type]


def test_a_workspace_has_our_guidelines_until_it_has_its_own(tmp_path: Path) -> None:
    ours = guidelines(tmp_path)
    assert "four stages" in ours.text
    (tmp_path / "guidelines.md").write_text("Be kind.")
    own = guidelines(tmp_path)
    assert own.text == "Be kind."
    assert own.version != ours.version
    (tmp_path / "guidelines.md").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="can't be read as text"):
        guidelines(tmp_path)
