"""Reading what the owners of a data set ship: its folder, its images, and its rows on the Hub.

What can't be read at all is an error for a person, which names the file and the place in it. What is wrong
with one record is left to the source, which makes an Issue of it.
"""

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import lru_cache, partial
from pathlib import Path
from threading import Thread
from typing import Any, TypeGuard

from curation.errors import DataError, MissingError, UsageError
from curation.images import ImageFault, LoadedImage, inspect, load
from curation.sources import Pictures

HUB_SECONDS = 5
"""How long the Hub may take to say that it is there."""
_CACHED_IMAGES = 4
_LISTED = 8


def named_split(split: str, splits: Collection[str], aliases: Mapping[str, str]) -> str:
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
    other = f" or {Path(files[-1]).name}" if len(files) > 1 else ""
    expected = f"expected {base / files[0]}{other}"
    raise DataError(f"{expected}; found in {found.name}/: {_listed(found)}")


def _listed(folder: Path) -> str:
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        return f"nothing that can be read ({error.strerror})"
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more or "nothing"


def fields_of(record: object, keys: Sequence[str]) -> dict[str, Any]:
    """Return those keys of a record that it has; what is no object comes whole, under `record`."""
    if not isinstance(record, dict):
        return {"record": record}
    return {key: record[key] for key in keys if key in record}


def names_file(value: object) -> TypeGuard[str]:
    """Tell whether a value can be the name of a file."""
    return isinstance(value, str) and value != "" and "\0" not in value


def image_reader(root: Path) -> Callable[[str], Pictures]:
    """Return a function that makes a row's one picture of the name of a file below `root`.

    The last few files are kept, as rows on one image often follow each other.
    """
    read = lru_cache(maxsize=_CACHED_IMAGES)(lambda name: _or_fault(lambda: load(root, name)))
    return lambda name: Pictures(partial(read, name))


def hub_image(cell: dict[str, Any] | None) -> Pictures:
    """Return the picture in a cell of an undecoded image column, `{"bytes": …, "path": …}`."""
    data = (cell or {}).get("bytes")
    if not data:
        return Pictures(lambda: ImageFault("missing", "the row holds no image"))
    return Pictures(lambda: _or_fault(lambda: inspect(data)))


def _or_fault(read: Callable[[], LoadedImage]) -> LoadedImage | ImageFault:
    try:
        return read()
    except ImageFault as fault:  # a raised one keeps the bytes alive, through the frames of its traceback
        return ImageFault(fault.code, fault.message)


def named_hub(hub: str, hubs: Sequence[str]) -> str:
    """Return the id of the data set on the Hub: the usual one for none. Raises UsageError for one of other columns."""
    if not hub or hub in hubs:
        return hub or hubs[0]
    raise UsageError(f"the columns of {hub} are not known; there are: {', '.join(hubs)}")


def hub_records(hub: str, split: str, images: Sequence[str], name: str | None = None) -> Iterator[dict[str, Any]]:
    """Stream the rows of a data set on the Hub; the columns `images` come as bytes, undecoded.

    `name` is that of a configuration. Raises MissingError where the data set can't be reached, within seconds, or
    where it breaks off.
    """
    _check_reachable(hub)
    try:
        from datasets import Image, config, load_dataset  # noqa: PLC0415 - a second, which only streaming pays

        # The Hub's client tries six times by itself; times twenty, a lost network would be told after ten minutes.
        config.STREAMING_OPEN_MAX_RETRIES = config.STREAMING_READ_MAX_RETRIES = 1
        found = load_dataset(hub, name, split=split, streaming=True)
        for image in images:
            found = found.cast_column(image, Image(decode=False))
        yield from found
    except Exception as error:  # whatever it is: see `_unreadable`
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
    except Exception as error:  # whatever it is: see `_unreadable`
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
