"""What the Hub and its client say when they refuse, as one line that says what to do.

401         the token is not taken, or there is none
402 413 507 no room; 403, too, where it speaks of storage
403         no right to write, or to read
404         no such repository, or revision
409 412     somebody else was faster
429 5xx     later, by the same command; so where the connection broke off
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any

from curation.errors import CurationError, MissingError, StoppedError, UsageError

_LONGEST = 200
_NO_ROOM = re.compile("storage|quota", re.IGNORECASE)
_AGAIN = "run the same command again, nothing is sent twice"


@contextmanager
def told(repo: str) -> Iterator[None]:
    """Raise what the Hub's client raises in the block as an error made for a person.

    A full disk stays an OSError, and a fault of our own lines stays what it is: it is none of the Hub's.
    """
    try:
        yield
    except _clients_errors() as error:
        is_systems = isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError)
        if is_systems or not _is_from_client(error):
            raise
        raise _translated(error, repo) from error


def _clients_errors() -> tuple[type[Exception], ...]:
    """Return what the client raises: its own errors, those of HTTP, and others for answers that make no sense."""
    import httpx2  # noqa: PLC0415 - comes with the Hub's client
    from huggingface_hub import errors  # noqa: PLC0415 - slow to load

    of_client = errors.EntryNotFoundError, errors.RevisionResolutionError, errors.XetDownloadError
    return (OSError, httpx2.HTTPError, httpx2.InvalidURL, *of_client, ValueError, KeyError, RuntimeError)


def _is_from_client(error: BaseException) -> bool:
    """Tell whether the client had a hand in it; our own lines, too, may raise a ValueError."""
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    return any(str(module).partition(".")[0] == "huggingface_hub" for module in modules)


def is_unseen(error: Any) -> bool:
    """Tell whether the Hub says that what was asked for is not there, or nothing that one may see.

    It answers 404 to a token that it takes, and 401 to nobody in particular.
    """
    from huggingface_hub import errors, get_token  # noqa: PLC0415 - slow to load

    if error.response.status_code == 401:
        return get_token() is None
    not_found = isinstance(error, errors.RevisionNotFoundError | errors.RepositoryNotFoundError)
    return not_found and not isinstance(error, errors.GatedRepoError)


def _translated(error: Exception, repo: str) -> CurationError:
    return next(filter(None, (_known(cause, repo) for cause in _causes(error))), None) or _other(error)


def _known(cause: BaseException, repo: str) -> CurationError | None:
    import httpx2  # noqa: PLC0415 - comes with the Hub's client
    from huggingface_hub import errors  # noqa: PLC0415 - slow to load

    if isinstance(cause, errors.OfflineModeIsEnabled):
        return MissingError("HF_HUB_OFFLINE is set: unset it to reach the Hub")
    if isinstance(cause, errors.HfHubHTTPError):
        return _refused(cause, repo)
    if isinstance(cause, httpx2.TransportError | ConnectionError):
        return StoppedError(f"the connection to the Hub broke off ({_line(cause)}): {_AGAIN}")
    if isinstance(cause, errors.HFValidationError):
        return UsageError(f"the Hub has no place for that name: {_line(cause)}")
    return None


def _other(error: Exception) -> CurationError:
    from huggingface_hub import errors  # noqa: PLC0415 - slow to load

    if isinstance(error, errors.FileMetadataError):
        return MissingError(f"what answers is not the Hub ({_line(error)}): look at HF_ENDPOINT")
    if isinstance(error, OSError):
        return StoppedError(f"the download broke off ({_line(error)}): run the same command again")
    *_, first = _causes(error)
    return MissingError(f"the Hub's client gives up: {_line(first)}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _refused(error: Any, repo: str) -> CurationError:
    """Say what an answer that is an error means."""
    status = error.response.status_code
    said = f"({status}{_said(error)})"
    if status in {402, 413, 507} or (status == 403 and _NO_ROOM.search(said)):
        return MissingError(f"the Hub has no room for {repo} {said}: make room, or ask for more; what it had is whole")
    if status in {409, 412}:
        what = f"somebody else pushed to {repo} meanwhile {said}"
        return UsageError(f"{what}: their commit stands whole, and nothing of this one; look at it, then push again")
    if status == 429:
        return StoppedError(f"the Hub asks for a pause{_pause(error)} {said}: then {_AGAIN}")
    if status >= 500:
        return StoppedError(f"the Hub is not well {said}: {_AGAIN}, later")
    return MissingError(_missing(error, repo, said))


def _missing(error: Any, repo: str, said: str) -> str:
    from huggingface_hub import errors, get_token  # noqa: PLC0415 - slow to load

    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repo} has no such revision {said}"
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return f"a file of {repo} is gone {said}: run the same command again"
    by_status = {
        401: f"the Hub does not take the token {said}: it is expired, or of another Hub; set HF_TOKEN to a new one"
        if get_token()
        else f"the Hub asks who this is {said}: set HF_TOKEN, or log in with `hf auth login`",
        403: f"the token has no right to this in {repo} {said}: set HF_TOKEN to one that has, or ask its owner",
        404: f"there is no data set {repo} on the Hub, or the token may not see it {said}: HF_TOKEN is the one used",
    }
    return by_status.get(error.response.status_code, f"the Hub refuses {repo} {said}")


def _pause(error: Any) -> str:
    seconds = error.response.headers.get("Retry-After", "")
    return f" of {seconds} seconds" if seconds.isdigit() else ""


def _said(error: Any) -> str:
    text = " ".join(str(error.server_message or "").split())
    return f", {_masked(text)[:_LONGEST]}" if text else ""


def _line(error: BaseException) -> str:
    return _masked(" ".join(str(error).split()))[:_LONGEST] or type(error).__name__


def _masked(text: str) -> str:
    """Take the token out of a text, should an endpoint send it back."""
    from huggingface_hub import get_token  # noqa: PLC0415 - slow to load

    token = get_token()
    return text.replace(token, "***") if token else text
