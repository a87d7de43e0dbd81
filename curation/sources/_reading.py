"""Reading what the owners of a data set ship: its folder, its JSON, its images, and its rows on the Hub.

What can't be read at all is an error for a person, which names the file and the place in it. What is wrong
with one record is left to the source, which makes an Issue of it.
"""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from threading import Thread
from typing import Any

from curation.errors import DataError, MissingError, UsageError
from curation.images import ImageFault, LoadedImage, inspect, load

HUB_SECONDS = 5
"""How long the Hub may take to say that it is there."""
_CACHED_IMAGES = 4
_LISTED = 8
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


def named_split(split: str, splits: Sequence[str], aliases: Mapping[str, str]) -> str:
    """Return the source's own name of the split. Raises UsageError for an unknown one."""
    name = aliases.get(split, split)
    if name in splits:
        return name
    near = difflib.get_close_matches(split, splits, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(splits)}"
    raise UsageError(f"no split named {split!r}; {hint}")


def find_layout(folder: Path, inner: str, files: Sequence[str]) -> Path:
    """Return `folder`, or `folder/inner`, whichever holds any of the files, named relative to it.

    Raises DataError, which says what was expected and what is there instead.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}")
    for base in (folder, folder / inner):
        if any((base / file).is_file() for file in files):
            return base
    base = folder / inner if (folder / inner).is_dir() else folder
    deepest = base / Path(files[0]).parent
    found = deepest if deepest.is_dir() else base
    expected = f"expected {base / files[0]} or {Path(files[-1]).name}"
    raise DataError(f"{expected}; found in {found.name}/: {_listed(found)}")


def _listed(folder: Path) -> str:
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        return f"nothing that can be read ({error.strerror})"
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more or "nothing"


def json_records(path: Path, keys: Sequence[str]) -> list[Any]:
    """Read a JSON array of records, whole; a single record may be of any shape.

    Raises DataError, with the place in the file, where it isn't JSON, or where no record of it has the keys.
    """
    value = _json(path)
    if isinstance(value, list) and (not value or any(_has(record, keys) for record in value)):
        return value
    expected = f"expected a list of records with {', '.join(keys)}"
    raise DataError(f"{path}: {expected}; found {_shape(value)}: is this the file of another data set?")


def _has(record: object, keys: Sequence[str]) -> bool:
    return isinstance(record, dict) and all(key in record for key in keys)


def _shape(value: object) -> str:
    if isinstance(value, dict):
        names = [str(key) for key in value]
        more = ", …" if len(names) > _LISTED else ""
        return f"an object with {', '.join(names[:_LISTED]) or 'nothing in it'}{more}"
    if isinstance(value, list):
        return f"a list of {len(value):,} whose first is {_shape(value[0])}" if value else "an empty list"
    return f"a {type(value).__name__}"


def _json(path: Path) -> object:
    text = _text(path)
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{path}, {place}: not JSON: {error.msg}") from error
    except RecursionError as error:
        raise DataError(f"{path}: nested too deeply to be read") from error
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"{path}: {error}") from error
    return value


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from error
    if data.startswith(_LFS_POINTER):
        raise DataError(f"{path} is a git-LFS pointer, not the data: run `git lfs pull` where it came from")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {line}: byte {error.start:,} is not UTF-8: {error.reason}") from error


def image_reader(root: Path) -> Callable[[str], LoadedImage | ImageFault]:
    """Return a function that reads an image below `root` by name, and keeps the last few of them."""
    return lru_cache(maxsize=_CACHED_IMAGES)(lambda name: _or_fault(lambda: load(root, name)))


def hub_image(cell: dict[str, Any] | None) -> LoadedImage | ImageFault:
    """Return the image in a cell of an undecoded image column, `{"bytes": …, "path": …}`."""
    data = (cell or {}).get("bytes")
    return _or_fault(lambda: inspect(data)) if data else ImageFault("missing", "the row holds no image")


def _or_fault(read: Callable[[], LoadedImage]) -> LoadedImage | ImageFault:
    try:
        return read()
    except ImageFault as fault:  # a raised one keeps the bytes alive, through the frames of its traceback
        return ImageFault(fault.code, fault.message)


def hub_records(hub: str, split: str, image: str) -> Iterator[dict[str, Any]]:
    """Stream the rows of a data set on the Hub; the column `image` comes as bytes, undecoded.

    Raises MissingError where the data set can't be reached, within seconds, or where it breaks off.
    """
    _check_reachable(hub)
    try:
        from datasets import Image, config, load_dataset  # noqa: PLC0415 - a second, which only streaming pays

        # The Hub's client tries six times by itself; times twenty, a lost network would be told after ten minutes.
        config.STREAMING_OPEN_MAX_RETRIES = config.STREAMING_READ_MAX_RETRIES = 1
        yield from load_dataset(hub, split=split, streaming=True).cast_column(image, Image(decode=False))
    except Exception as error:
        raise _unreadable(hub, error) from error


def _check_reachable(hub: str) -> None:
    """Ask for the data set once, without the half-minute of retries which reading it would begin with."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - see above

    answer: Future[None] = Future()

    def ask() -> None:
        try:
            HfApi().dataset_info(hub, timeout=2 * HUB_SECONDS)
            answer.set_result(None)
        except Exception as error:  # noqa: BLE001 - it is raised again, in the thread that waits
            answer.set_exception(error)

    # In a thread, as the timeout holds for each address of the Hub by itself, and not for looking them up.
    Thread(target=ask, daemon=True).start()
    try:
        answer.result(timeout=HUB_SECONDS)
    except Exception as error:
        raise _unreadable(hub, error) from error


def _unreadable(hub: str, error: Exception) -> MissingError:
    """Translate whatever the Hub's client raised: errors of its own, of its transport, of pyarrow."""
    reason = _reason(error)
    return MissingError(
        f"can't read {hub} from the Hub ({reason}); "
        "use --data DIR for the official folder, or --sample for the bundled one"
    )


def _reason(error: Exception) -> str:
    from huggingface_hub import errors  # noqa: PLC0415 - see above

    if isinstance(error, TimeoutError):
        return f"no answer within {HUB_SECONDS} seconds"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set"
    if isinstance(error, errors.GatedRepoError):
        return "it is gated: ask for access on its page, and set HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "there is no such data set, or HF_TOKEN is not set to a token that may read it"
    if isinstance(error, errors.HfHubHTTPError):
        return f"it answers {error.response.status_code} {error.response.reason_phrase}"
    text = " ".join(str(error).split())
    return text[:200] or type(error).__name__
