"""What the Hub's client raises is told to a person; what our own lines get wrong stays what it is."""

from contextlib import contextmanager

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError

from curation.errors import CurationError, MissingError, UsageError
from curation.hub.refusals import told
from tests.hub_server import answer, hub_of_this_process


@contextmanager
def client():
    with told("lab/counts"):
        yield HfApi()


@pytest.mark.parametrize(
    "fault", [KeyError("sha"), TypeError("no"), ValueError("x"), AttributeError("y"), RuntimeError("z"), OSError("w")]
)
def test_a_fault_of_our_own_lines_is_not_the_hub_s(fault):
    with pytest.raises(type(fault)) as raised, client():
        raise fault
    assert raised.value is fault


def test_an_argument_that_the_client_does_not_know_is_our_fault():
    with pytest.raises(TypeError), client() as api:
        api.repo_info("lab/counts", kind="dataset")


def test_an_error_made_for_a_person_stays_as_it_is():
    with pytest.raises(UsageError, match="mine"), client():
        raise UsageError("mine")


def test_what_the_client_refuses_by_itself_is_told():
    with pytest.raises(UsageError, match="no place for that name") as raised, client() as api:
        api.repo_info("lab//counts/", repo_type="dataset")
    assert isinstance(raised.value.__cause__, HFValidationError)


def test_an_answer_that_makes_no_sense_is_told(monkeypatch, tmp_path):
    with hub_of_this_process(monkeypatch, tmp_path) as hub:
        hub.fail("/api/datasets/", answer(200), times=99)
        with pytest.raises(MissingError, match="the Hub's client gives up") as raised, client():
            HfApi(endpoint=hub.endpoint).repo_info("lab/counts", repo_type="dataset")
    assert isinstance(raised.value, CurationError)
