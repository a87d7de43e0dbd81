"""A Hub on this machine: the HTTP API of data sets as the Hub's own client speaks it, with faults on demand.

Repositories, commits, branches and tags are those of one process. Large files go to a storage of their own, at another
address, as the Hub's do: in one piece, or in parts. Xet, the Hub's other storage, is not spoken: the client sends by
LFS where HF_HUB_DISABLE_XET is set, which `curation.hub` does for a server that has no such storage. What it answers
was taken from the client (huggingface_hub 2.4) and from
https://huggingface.co/docs/hub/api.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from aiohttp import web

OWNER, WRITER, READER, EXPIRED = "lab", "hf_" + "w1" * 17, "hf_" + "r2" * 17, "hf_" + "e3" * 17
WARNED = "ignore:Use 'content=<...>' to upload:DeprecationWarning"
"""What the client's own uploads are warned of by its transport."""
LARGE = re.compile(r".*\.(png|jpg|jpeg|webp|gif|parquet|tar)")
PAGE = 5
"""Entries of a page of a tree, so that every tree has several."""
ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Blob(NamedTuple):
    """A file of a commit; large ones are kept by their SHA-256."""

    size: int
    git: str
    sha256: str | None
    data: bytes = b""


def git_digest(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def small(data: bytes) -> Blob:
    return Blob(len(data), git_digest(data), None, data)


def large(size: int, sha256: str) -> Blob:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
    return Blob(size, git_digest(pointer.encode()), sha256)


class Repository:
    """What a repository holds, commit by commit."""

    def __init__(self, private: bool) -> None:
        self.private = private
        self.commits: dict[str, dict[str, Blob]] = {}
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.commit("main", {".gitattributes": small(ATTRIBUTES)})

    def commit(self, branch: str, files: dict[str, Blob]) -> str:
        told = json.dumps([len(self.commits), sorted((path, blob.git) for path, blob in files.items())])
        sha = hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = files
        self.branches[branch] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        found = self.branches.get(revision) or self.tags.get(revision)
        return found or (revision if revision in self.commits else None)

    def head(self, branch: str = "main") -> dict[str, Blob]:
        return self.commits[self.branches[branch]]


class Fault(NamedTuple):
    """What happens instead of the next requests, so many, whose `METHOD /path` matches; None: what happens first."""

    asked: re.Pattern[str]
    happens: Handler
    times: int


def answer(status: int, message: str = "", **headers: str) -> Handler:
    async def happens(request: web.Request) -> web.Response:
        await request.read()
        body = {"error": message} if message else {}
        return web.json_response(body, status=status, headers=headers)

    return happens


async def drop(request: web.Request) -> web.Response:
    """Break the connection off, in the middle of what is sent."""
    await request.content.read(100)
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Hub:
    """All repositories, and what was asked."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.rights = {WRITER: "write", READER: "read"}
        self.part_bytes = 10**9
        self.requests: list[str] = []
        self.waits: list[float] = []
        """Seconds that the client wanted to wait."""
        self.endpoint = self.storage = ""
        self.tokens_at_storage: list[str] = []
        self._faults: list[Fault] = []

    def fail(self, asked: str, happens: Handler, times: int = 1) -> None:
        self._faults.append(Fault(re.compile(asked), happens, times))

    def asked(self, pattern: str) -> int:
        return sum(1 for line in self.requests if re.search(pattern, line))

    def upload(self, name: str, files: dict[str, bytes], private: bool = True) -> Repository:
        """Make a repository as somebody else would."""
        self.repositories[name] = Repository(private)
        self.repositories[name].commit("main", self.repositories[name].head() | {p: small(d) for p, d in files.items()})
        return self.repositories[name]

    def data(self, blob: Blob) -> bytes:
        return self.objects[blob.sha256] if blob.sha256 else blob.data

    # What is served

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.watch], client_max_size=2**30)
        repository = "/api/datasets/{org}/{name}"
        app.router.add_post("/api/repos/create", self.create)
        app.router.add_post("/api/validate-yaml", answer(200))
        app.router.add_get(repository, self.info)
        app.router.add_get(repository + "/revision/{revision}", self.info)
        app.router.add_get(repository + "/refs", self.refs)
        app.router.add_get(repository + "/tree/{revision:[^/]+}{folder:.*}", self.tree)
        app.router.add_post(repository + "/paths-info/{revision}", self.paths_info)
        app.router.add_post(repository + "/preupload/{revision}", self.preupload)
        app.router.add_post(repository + "/commit/{revision}", self.commit)
        app.router.add_post(repository + "/tag/{revision}", self.tag)
        app.router.add_post(repository + "/branch/{branch}", self.branch)
        app.router.add_post("/datasets/{org}/{name}.git/info/lfs/objects/batch", self.batch)
        app.router.add_post("/verify", self.verify)
        app.router.add_get("/datasets/{org}/{name}/resolve/{revision}/{path:.*}", self.resolve)
        app.router.add_put("/storage/{oid}", self.store)
        app.router.add_put("/storage/{oid}/{part}", self.store)
        app.router.add_post("/storage/{oid}", self.complete)
        app.router.add_get("/storage/{oid}", self.stored)
        return app

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note what is asked; let what should go wrong go wrong; ask for the token."""
        line = f"{request.method} {request.rel_url.path_qs}"
        self.requests.append(line)
        for place, fault in enumerate(self._faults):
            if fault.asked.search(line):
                left = fault._replace(times=fault.times - 1)
                self._faults[place : place + 1] = [left] if left.times else []
                return await fault.happens(request)
        if request.path.startswith("/storage"):
            self.tokens_at_storage += request.headers.getall("Authorization", [])
            return await handler(request)
        return self.refusal(request) or await handler(request)

    def refusal(self, request: web.Request) -> web.Response | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token == EXPIRED:
            return web.json_response({"error": f'User Access Token "{token}" is expired'}, status=401)
        if token and token not in self.rights:
            return web.json_response({"error": "Invalid credentials in Authorization header"}, status=401)
        known = self.repositories.get(self.name(request))
        if "org" in request.match_info and (known is None or (known.private and not token)):
            status, headers = 404 if token else 401, {"X-Error-Code": "RepoNotFound"}
            return web.json_response({"error": "Repository not found"}, status=status, headers=headers)
        writes = re.search(r"/(commit|tag|branch|preupload)/|/batch$|/create$", request.path)
        if writes and not token:
            return web.json_response({"error": "Invalid username or password."}, status=401)
        if writes and self.rights[token] != "write":
            return web.json_response({"error": "You don't have the rights to do that."}, status=403)
        return None

    def name(self, request: web.Request) -> str:
        return f"{request.match_info.get('org')}/{request.match_info.get('name')}"

    def known(self, request: web.Request) -> tuple[Repository, str]:
        """The repository, and the commit that is asked for. Raises 404 for a revision that isn't there."""
        repository = self.repositories[self.name(request)]
        if (commit := repository.resolve(request.match_info.get("revision", "main"))) is None:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RevisionNotFound"}, text="Invalid rev id")
        return repository, commit

    async def create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.repositories:
            return web.json_response({"error": "You already created this dataset repo"}, status=409)
        assert asked["type"] == "dataset"
        self.repositories[name] = Repository(asked.get("visibility") == "private")
        return web.json_response({"url": f"{self.endpoint}/datasets/{name}", "name": name})

    async def info(self, request: web.Request) -> web.Response:
        repository, commit = self.known(request)
        siblings = [{"rfilename": path} for path in repository.commits[commit]]
        known = {"id": self.name(request), "sha": commit, "private": repository.private, "siblings": siblings}
        return web.json_response(known | {"_id": "1", "tags": []})

    async def refs(self, request: web.Request) -> web.Response:
        repository, _ = self.known(request)
        kinds = {"branches": ("heads", repository.branches), "tags": ("tags", repository.tags)}
        listed = {
            kind: [{"name": n, "ref": f"refs/{folder}/{n}", "targetCommit": sha} for n, sha in names.items()]
            for kind, (folder, names) in kinds.items()
        }
        return web.json_response(listed | {"converts": []})

    async def tree(self, request: web.Request) -> web.Response:
        repository, commit = self.known(request)
        files, inside = repository.commits[commit], request.match_info["folder"].strip("/")
        folders = {path.rsplit("/", depth)[0] for path in files for depth in range(1, path.count("/") + 1)}
        listed = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(folders)]
        listed += [entry(path, files[path]) for path in sorted(files)]
        if request.query.get("recursive", "").lower() != "true":
            listed = [each for each in listed if each["path"].rpartition("/")[0] == inside]
        if inside and not listed:
            return web.json_response({"error": f"{inside} is not there"}, status=404)
        start = int(request.query.get("cursor", 0))
        headers = {}
        if listed[start + PAGE :]:
            following = request.url.update_query(cursor=start + PAGE)
            headers["Link"] = f'<{following}>; rel="next"'
        return web.json_response(listed[start : start + PAGE], headers=headers)

    async def paths_info(self, request: web.Request) -> web.Response:
        repository, commit = self.known(request)
        asked = (await request.post()).getall("paths")
        files = repository.commits[commit]
        return web.json_response([entry(path, files[path]) for path in asked if path in files])

    async def preupload(self, request: web.Request) -> web.Response:
        repository, commit = self.known(request)
        there, modes = repository.commits[commit], []
        ignored = [line for line in repository.head().get(".gitignore", small(b"")).data.decode().splitlines() if line]
        for file in (await request.json())["files"]:
            path, blob = file["path"], there.get(file["path"])
            oid = (blob.sha256 or blob.git) if blob else None
            mode = "lfs" if LARGE.fullmatch(path) else "regular"
            modes.append({"path": path, "uploadMode": mode, "shouldIgnore": path in ignored, "oid": oid})
        return web.json_response({"files": modes})

    async def batch(self, request: web.Request) -> web.Response:
        asked = await request.json()
        assert "basic" in asked["transfers"]
        return web.json_response({"transfer": "basic", "objects": [self.wanted(each) for each in asked["objects"]]})

    def wanted(self, asked: dict) -> dict:
        """Say where to put an object, or nothing where it is there."""
        oid, size = asked["oid"], asked["size"]
        if oid in self.objects:
            return {"oid": oid, "size": size}
        upload: dict = {"href": f"{self.storage}/storage/{oid}"}
        if size > self.part_bytes:
            numbers = range(1, -(-size // self.part_bytes) + 1)
            parts = {f"{number:05d}": f"{self.storage}/storage/{oid}/{number}" for number in numbers}
            upload["header"] = {"chunk_size": str(self.part_bytes), **parts}
        verify = {"href": f"{self.endpoint}/verify"}
        return {"oid": oid, "size": size, "authenticated": True, "actions": {"upload": upload, "verify": verify}}

    async def store(self, request: web.Request) -> web.Response:
        data, oid = await request.read(), request.match_info["oid"]
        if "part" in request.match_info:
            self.parts.setdefault(oid, {})[int(request.match_info["part"])] = data
        else:
            self.keep(oid, data)
        return web.Response(headers={"ETag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'})

    def keep(self, oid: str, data: bytes) -> None:
        if hashlib.sha256(data).hexdigest() != oid:
            raise web.HTTPBadRequest(text="not what was announced")
        self.objects[oid] = data

    async def complete(self, request: web.Request) -> web.Response:
        asked = await request.json()
        parts = self.parts.pop(asked["oid"])
        assert [part["partNumber"] for part in asked["parts"]] == sorted(parts)
        self.keep(asked["oid"], b"".join(parts[number] for number in sorted(parts)))
        return web.json_response({})

    async def verify(self, request: web.Request) -> web.Response:
        asked = await request.json()
        data = self.objects.get(asked["oid"])
        return web.json_response({}, status=200 if data is not None and len(data) == asked["size"] else 404)

    async def commit(self, request: web.Request) -> web.Response:
        repository, commit = self.known(request)
        lines = [json.loads(line) for line in (await request.read()).splitlines()]
        header, *changes = [(line["key"], line["value"]) for line in lines]
        if header[1].get("parentCommit", commit) != commit:
            message = "A commit has happened since. Please refresh and try again."
            return web.json_response({"error": message}, status=412)
        files = dict(repository.commits[commit])
        for key, value in changes:
            if key == "deletedFile":
                del files[value["path"]]
            elif key == "lfsFile":
                assert value["oid"] in self.objects
                files[value["path"]] = large(value["size"], value["oid"])
            else:
                files[value["path"]] = small(base64.b64decode(value["content"]))
        sha = repository.commit(request.match_info["revision"], files)
        return web.json_response(
            {"commitUrl": f"{self.endpoint}/datasets/{self.name(request)}/commit/{sha}", "commitOid": sha}
        )

    async def tag(self, request: web.Request) -> web.Response:
        repository, commit = self.known(request)
        name = (await request.json())["tag"]
        if name in repository.tags:
            return web.json_response({"error": "Tag reference exists already"}, status=409)
        repository.tags[name] = commit
        return web.json_response({})

    async def branch(self, request: web.Request) -> web.Response:
        repository, _ = self.known(request)
        repository.branches[request.match_info["branch"]] = repository.branches["main"]
        return web.json_response({})

    async def resolve(self, request: web.Request) -> web.Response:
        repository, commit = self.known(request)
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        blob = repository.commits[commit].get(request.match_info["path"])
        if blob is None:
            return web.Response(status=404, headers=headers | {"X-Error-Code": "EntryNotFound"})
        if blob.sha256:
            linked = {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(blob.size)}
            place = {"Location": f"{self.storage}/storage/{blob.sha256}"}
            return web.Response(status=302, headers=headers | linked | place)
        return ranged(request, blob.data, headers | {"ETag": f'"{blob.git}"'})

    async def stored(self, request: web.Request) -> web.Response:
        return ranged(request, self.objects[request.match_info["oid"]], {"Accept-Ranges": "bytes"})


def entry(path: str, blob: Blob) -> dict:
    known = {"type": "file", "path": path, "size": blob.size, "oid": blob.git}
    pointer = {"oid": blob.sha256, "size": blob.size, "pointerSize": 130}
    return known | ({"lfs": pointer} if blob.sha256 else {})


def ranged(request: web.Request, data: bytes, headers: dict[str, str]) -> web.Response:
    part = request.http_range
    body = data[part] if part.start is not None else data
    return web.Response(status=206 if part.start is not None else 200, body=body, headers=headers)


def half(data: bytes) -> Handler:
    """Break the connection off when half of the data was sent."""

    async def happens(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        assert request.transport is not None
        request.transport.close()
        return response

    return happens


@contextlib.contextmanager
def serving() -> Iterator[Hub]:
    """Serve a Hub from a thread; its storage has another port."""
    hub = Hub()
    with listening(hub.app(), 2) as (hub.endpoint, hub.storage):
        yield hub


@contextlib.contextmanager
def listening(app: web.Application, ports: int = 1) -> Iterator[list[str]]:
    """Serve the app from a thread, at so many ports; give its addresses."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=60)

    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    try:
        run(runner.setup())
        for _ in range(ports):
            run(web.TCPSite(runner, "127.0.0.1", 0).start())
        yield [f"http://127.0.0.1:{port}" for _, port in runner.addresses]
    finally:
        run(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def hub_of_this_process(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[Hub]:
    """Serve a Hub that the client of this process talks to, as one who may write; waiting takes no time."""
    from huggingface_hub import close_session, constants  # noqa: PLC0415 - slow to load

    with serving() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", WRITER)
        waiting = SimpleNamespace(sleep=hub.waits.append)
        monkeypatch.setattr("huggingface_hub.utils._http.time", waiting)
        monkeypatch.setattr("huggingface_hub.file_download.time", waiting)
        close_session()
        yield hub
        close_session()
