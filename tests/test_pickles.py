"""Pickles of plain data: what is read, and that nothing else is."""

import contextlib
import os
import pickle
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import DataError
from curation.json_files import Broken
from curation.sources import _pickles

REAL = Path(__file__).parents[1] / ".." / "shared" / "data" / "geoqa" / "GeoQA-Plus" / "sub_dataset_dict.pk"
PROTOCOLS = (2, 3, 4, 5)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "train.pk"


def value(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.pk"
        path.write_bytes(data)
        return _pickles.value(path)


def items(data: bytes) -> list[object]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.pk"
        path.write_bytes(data)
        return list(_pickles.items(path))


def refusal(data: bytes) -> str:
    with pytest.raises(DataError) as caught:
        items(data)
    message = str(caught.value)
    assert "\n" not in message
    assert "train.pk" in message
    return message


# What is read

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


@given(PLAIN, st.sampled_from(PROTOCOLS))
def test_plain_data_is_what_pickle_reads(data, protocol):
    assert value(pickle.dumps(data, protocol)) == data


@given(st.lists(PLAIN), st.sampled_from(PROTOCOLS))
def test_the_items_of_a_list_come_in_order(data, protocol):
    assert items(pickle.dumps(data, protocol)) == data


def test_a_long_list_comes_in_batches(path):
    path.write_bytes(pickle.dumps([{"id": number} for number in range(2500)], 3))
    found = _pickles.items(path)
    assert next(found) == {"id": 0}
    assert [record["id"] for record in found] == list(range(1, 2500))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_array_is_its_bytes_and_what_they_are(protocol):
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    array, floats, turned = value(pickle.dumps([grey, np.zeros((2, 2)), grey.T], protocol))
    assert (array.shape, array.kind, array.data, array.by_column) == ((2, 3), "u1", bytes(range(6)), False)
    assert (floats.shape, floats.kind, len(floats.data)) == ((2, 2), "f8", 32)
    assert (turned.shape, turned.data, turned.by_column) == ((3, 2), bytes(range(6)), True)


def test_an_array_of_numpy_1_is_read():
    data = pickle.dumps([np.zeros((2, 3), np.uint8)], 3)
    assert b"numpy._core" in data
    (array,) = items(data.replace(b"numpy._core", b"numpy.core"))
    assert array.shape == (2, 3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_scalar_of_numpy_is_a_number(protocol):
    numbers = [np.float64(2.5), np.int64(-7), np.uint8(200), np.float32(0.5), np.bool_(True), np.dtype(">i4").type(9)]
    assert value(pickle.dumps(numbers, protocol)) == [2.5, -7, 200, 0.5, True, 9]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_set_is_read(protocol):
    assert value(pickle.dumps([{"a", "b"}, set()], protocol)) == [{"a", "b"}, set()]


def test_what_is_shared_is_read():
    shared = [1]
    assert value(pickle.dumps([shared, shared, (shared,)], 3)) == [[1], [1], ([1],)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_a_later_batch_comes_back_to_is_read(protocol):
    shared = ["shared", {"by": "all"}]
    found = items(pickle.dumps([{"id": number, "all": shared} for number in range(2500)], protocol))
    assert found == [{"id": number, "all": shared} for number in range(2500)]


def test_of_a_long_list_a_batch_is_in_memory(path):
    pickled, size = [{"id": number, "image": bytes([number % 256]) * 2**12} for number in range(2_100)], 2_100 * 2**12
    path.write_bytes(pickle.dumps(pickled, 3))
    del pickled
    tracemalloc.start()
    try:
        assert sum(len(item["image"]) for item in _pickles.items(path)) == size
        assert tracemalloc.get_traced_memory()[1] < 0.7 * size
    finally:
        tracemalloc.stop()


def test_an_empty_list_has_no_items():
    assert items(pickle.dumps([])) == []


@pytest.mark.skipif(not REAL.is_file(), reason="the real pickle of GeoQA+ is not here")
def test_the_real_types_of_problems_are_read():
    types = _pickles.value(REAL)
    assert len(types) == 13_035
    assert set(types.values()) == {"angle", "length", "area", "other"}


# What is refused


class Calls:
    """Pickled as a call of a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (os.system, ("touch ran",)),
        (eval, ("open('ran', 'w')",)),
        (exec, ("open('ran', 'w')",)),
        (getattr, ("a", "upper")),
        (np.fromfile, ("train.pk",)),
        (np.zeros, ((1_000_000, 1_000_000),)),
        (bytearray, (2**40,)),
        (range, (2**40,)),
    ],
)
def test_a_call_is_refused_and_not_made(tmp_path, monkeypatch, protocol, function, arguments):
    monkeypatch.chdir(tmp_path)
    message = refusal(pickle.dumps([{"id": 1}, Calls(function, *arguments)], protocol))
    assert function.__name__ in message
    assert "nothing of it is run" in message
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x80\x03]cos\nsystem\nX\x04\x00\x00\x00true\x85Ra.", "it asks for 'os.system'"),
        (b"\x80\x04]\x8c\x02os\x8c\x06system\x93a.", "it asks for 'os.system'"),
        (b"(ios\nsystem\n.", "it has INST"),
        (b"\x80\x02]cnumpy\nndarray\n)\x81a.", "it has NEWOBJ"),
        (b"\x80\x02]cnumpy\nndarray\n)Ra.", "it calls a _Global"),
        (b"\x80\x02]X\x01\x00\x00\x00a)Ra.", "it calls a str"),
        (b"\x80\x02]cnumpy\nndarray\n}ba.", "it sets the state of a _Global"),
        (b"\x80\x02]}ba.", "it sets the state of a list"),
        (b"\x80\x02]\x82\x01a.", "it has EXT1"),
        (b"\x80\x02]Pname\na.", "it has PERSID"),
        (b"\x80\x02]N0.", "it has POP"),
        (b"\x80\x02]c__builtin__\nbytes\nJ\xff\xff\xff\x7f\x85Ra.", "no pickle of plain data"),
        (b"\x80\x02]cnumpy\ndtype\nN\x85Ra.", "no pickle of plain data"),
        (b"\x80\x02]cnumpy.core.multiarray\nscalar\nNN\x86Ra.", "no pickle of plain data"),
        (b"\x80\x02]c_codecs\nencode\nK\x01X\x06\x00\x00\x00latin1\x86Ra.", "no pickle of plain data"),
        (b"\x80\x05]N\x97a.", "it has NEXT_BUFFER"),
        (b"\x80\x06].", "protocol 6"),
        (b"\x80\x02]a.", "no pickle of plain data"),
        (b"\x80\x02]h\x05a.", "no pickle of plain data"),
        (b"\x80\x02t.", "no pickle of plain data"),
        (b"\x80\x02}]Ns.", "no pickle of plain data (a list as a key)"),
        (b"\x80\x02]\x96\x03\x00\x00\x00\x00\x00\x00\x00abcNa.", "no pickle of plain data"),
        (b"PK\x03\x04 a zip file", "train.pk"),
        (b"<html>", "train.pk"),
        (b"", "the file ends"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a git-LFS pointer"),
        (pickle.dumps({"id": 1}), "expected a list of records; found a dict"),
        (pickle.dumps("text"), "expected a list of records; found a str"),
    ],
)
def test_what_is_no_plain_list_is_refused(data, why):
    assert why in refusal(data)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="can't be read: Is a directory"):
        _pickles.items(tmp_path)


def test_a_file_that_is_too_large_is_refused(path, monkeypatch):
    monkeypatch.setattr(_pickles, "MAX_BYTES", 10)
    path.write_bytes(pickle.dumps(["a long text"]))
    with pytest.raises(DataError, match="at most 10 are read"):
        _pickles.items(path)


def test_a_file_of_too_many_steps_is_refused(path, monkeypatch):
    monkeypatch.setattr(_pickles, "MAX_STEPS", 10)
    path.write_bytes(pickle.dumps(list(range(20))))
    with pytest.raises(DataError, match="more than 10 steps"):
        _pickles.items(path)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02]r\xff\xff\xff\xff.",
        b"\x80\x04]\x8e" + struct.pack("<Q", 2**40) + b"a.",
        b"\x80\x04]\x8d" + struct.pack("<Q", 2**62) + b"a.",
        b"\x80\x05]\x96" + struct.pack("<Q", 2**63 - 1) + b"a.",
        b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"].",
        b"\x80\x02]B\xff\xff\xff\x7fa.",
        b"\x80\x02]X\xff\xff\xff\xffa.",
        b"\x80\x02]\x8b\xff\xff\xff\x7fa.",
        b"\x80\x02cos\n" + b"a" * 1_000_000,
    ],
)
def test_a_length_that_is_not_there_takes_no_memory(path, data, monkeypatch):
    monkeypatch.setattr(_pickles, "MAX_BYTES", 2**21)
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with contextlib.suppress(DataError):
            list(_pickles.items(path))
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_an_array_is_as_large_as_its_bytes():
    data = pickle.dumps([np.zeros((2, 3), np.uint8)], 3)
    (array,) = items(data.replace(b"K\x02K\x03\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"))
    assert array.shape == (2**31 - 1, 2**31 - 1)
    assert len(array.data) == 6


def test_an_array_of_objects_is_refused():
    assert "something else than numbers" in refusal(pickle.dumps([np.array([{}, []], dtype=object)], 3))


def test_deep_nesting_is_no_crash():
    depth = 60_000
    assert len(items(b"\x80\x02](" + b"]" * depth + b"a" * (depth - 1) + b"e.")) == 1
    assert len(items(b"\x80\x02](" + b")" + b"\x85" * depth + b"e.")) == 1
    assert "a tuple as a key" in refusal(b"\x80\x02](}" + b")" + b"\x85" * depth + b"Nse.")


def test_doubling_by_reference_costs_what_the_file_has():
    before: list[object] = []
    doubled = [before := [before, before] for _ in range(200)]
    assert len(items(pickle.dumps(doubled, 3))) == 200


# What breaks off


def test_the_items_before_a_cut_are_read(path):
    data = pickle.dumps([{"id": number, "text": f"problem {number}", "list": [number]} for number in range(10)], 3)
    path.write_bytes(data[: len(data) * 3 // 4])
    *found, cut = _pickles.items(path)
    assert [record["id"] for record in found] == list(range(len(found)))
    assert 5 <= len(found) < 10
    assert isinstance(cut, Broken)
    assert "the file ends in the middle of a record" in cut.why


@given(st.data(), st.sampled_from(PROTOCOLS))
def test_any_cut_leaves_whole_items(data, protocol):
    records = [{"id": number, "image": np.zeros((2, 2), np.uint8), "list": [number, "a"]} for number in range(4)]
    whole = pickle.dumps(records, protocol)
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        *found, broken = items(whole[:cut])
    except DataError:
        return
    assert isinstance(broken, Broken)
    assert [record["id"] for record in found] == list(range(len(found)))
    assert all(record["image"].data == b"\0" * 4 and len(record["list"]) == 2 for record in found)


@given(st.binary(max_size=60), st.binary(max_size=4))
def test_any_bytes_are_read_or_refused(data, before):
    for start in (b"", b"\x80\x03](", b"\x80\x04\x95" + before, pickle.dumps([np.zeros(2)], 3)[:60]):
        with contextlib.suppress(DataError):
            items(start + data)
