"""The one file that touches disk: a bundle is a folder of arrays and a manifest that vouches for each of them.

    manifest.json     what the bundle is, and the SHA-256, type and shape of every other file
    manifest.sha256   the manifest's own digest, in the format of ``sha256sum``; with a key, an HMAC line follows
    *.npy, *.txt      one array or one long text a file, memory-mapped when loaded

Nothing here is a pickle, so loading a bundle cannot run code. Any doubt about a file is a
``BundleError`` that names it.
"""

import hashlib
import hmac
import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from recommender.bundle import Bundle, BundleInfo
from recommender.bundle_codec import Leaf, flatten, kinds, restore
from recommender.errors import BundleError, NoBundle, UnsignedBundle

FORMAT = 8
CURRENT = "current"
"""Beside bundles, the symbolic link to the published one."""
MANIFEST = "manifest.json"
DIGEST = "manifest.sha256"

T = TypeVar("T")


def signing_key(text: str | None) -> bytes | None:
    """Return the key that a setting gives; none where it is empty or missing."""
    return text.encode(errors="surrogateescape") if text else None


def save(bundle: Bundle, folder: Path, *, key: bytes | None = None) -> None:
    """Write ``bundle`` to ``folder``, whole or not at all; equal bundles make equal bytes.

    The parent of ``folder`` must exist and ``folder`` itself must not, or be empty. ``key`` signs the manifest.
    """
    save_value(bundle, folder, key=key)


def load(folder: Path, *, key: bytes | None = None) -> Bundle:
    """Return the bundle in ``folder``, its arrays memory-mapped and read-only, after every digest has been checked.

    With ``key``, a bundle that was not signed with it is refused.
    """
    return load_value(Bundle, folder, key=key)


def is_signed(folder: Path) -> bool:
    """Return whether the bundle in ``folder`` claims to be signed, with whatever key."""
    return (folder / DIGEST).is_file() and len((folder / DIGEST).read_bytes().splitlines()) > 1


def read_info(folder: Path, *, key: bytes | None = None) -> BundleInfo:
    """Return what the manifest in ``folder`` says of its bundle, without a look at the arrays; ``key`` as for load."""
    manifest = _read_manifest(folder, key)
    try:
        info: BundleInfo = restore(manifest["value"]["fields"]["info"], kinds(BundleInfo), _no_leaf)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(str(folder / MANIFEST), f"is no bundle's manifest ({error})") from error
    return info


def save_value(value: Any, folder: Path, *, key: bytes | None = None) -> None:
    """Write any dataclass whose parts a bundle may hold, as ``save`` does."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BundleError(str(folder), "already exists and is not an empty folder")
    tree, leaves = flatten(value, kinds(type(value)))
    building = folder.with_name(f".{folder.name}.{uuid4().hex}")
    building.mkdir()
    try:
        files = {name: _write_leaf(building / name, leaf) for name, leaf in leaves.items()}
        _write_manifest(building, {"format": FORMAT, "value": tree, "files": files}, key)
        _sync(building)
        building.rename(folder)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    _sync(folder.parent)


def load_value(kind: type[T], folder: Path, *, key: bytes | None = None) -> T:
    """Return the value of class ``kind`` in ``folder``, as ``load`` does."""
    manifest = _read_manifest(folder, key)
    try:
        files = _Files(folder, manifest["files"])
        files.check()
        value = restore(manifest["value"], kinds(kind), files.leaf)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(str(folder / MANIFEST), f"does not describe a {kind.__name__} ({error})") from error
    if not isinstance(value, kind):
        raise BundleError(str(folder / MANIFEST), f"describes a {type(value).__name__}, not a {kind.__name__}")
    return value


def _write_leaf(path: Path, leaf: Leaf) -> dict[str, Any]:
    with path.open("wb") as file:
        if isinstance(leaf, str):
            file.write(leaf.encode())
        else:
            np.save(file, leaf, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    about = {} if isinstance(leaf, str) else {"dtype": leaf.dtype.str, "shape": list(leaf.shape)}
    return {"sha256": _digest(path), "bytes": path.stat().st_size, **about}


def _write_manifest(folder: Path, manifest: Mapping[str, Any], key: bytes | None) -> None:
    text = (json.dumps(manifest, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
    lines = [f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n"]
    if key is not None:
        lines.append(f"# hmac-sha256 {hmac.digest(key, text, 'sha256').hex()}\n")
    for name, content in ((MANIFEST, text), (DIGEST, "".join(lines).encode())):
        with (folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _read_manifest(folder: Path, key: bytes | None) -> dict[str, Any]:
    if not (folder / MANIFEST).is_file():
        raise NoBundle(str(folder / MANIFEST), "is missing, so this folder is no bundle")
    text = (folder / MANIFEST).read_bytes()
    _check_manifest(folder, text, key)
    manifest: dict[str, Any] = json.loads(text)
    if manifest.get("format") != FORMAT:
        raise BundleError(
            str(folder / MANIFEST), f"format {manifest.get('format')!r} is not {FORMAT}, the one known here"
        )
    return manifest


def _check_manifest(folder: Path, text: bytes, key: bytes | None) -> None:
    try:
        lines = (folder / DIGEST).read_bytes().splitlines(keepends=True)
    except FileNotFoundError as error:
        raise BundleError(str(folder / DIGEST), "is missing") from error
    expected = [f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n".encode()]
    if lines[:1] != expected:
        raise BundleError(str(folder / MANIFEST), f"is not the file whose digest {DIGEST} holds")
    if key is None:
        return
    signature = f"# hmac-sha256 {hmac.digest(key, text, 'sha256').hex()}\n".encode()
    if not hmac.compare_digest(b"".join(lines[1:]), signature):
        raise UnsignedBundle(str(folder / DIGEST), "is not signed with the key given")


@dataclass(frozen=True)
class _Files:
    """The files of one bundle beside its manifest."""

    folder: Path
    listed: Mapping[str, Mapping[str, Any]]

    def check(self) -> None:
        """Refuse a folder that holds other files than the manifest lists, or a file with other bytes."""
        present = {entry.name for entry in self.folder.iterdir()} - {MANIFEST, DIGEST}
        for name in sorted(present ^ self.listed.keys()):
            what = "is not in the manifest" if name in present else "is missing"
            raise BundleError(str(self.folder / name), what)
        with ThreadPoolExecutor() as pool:
            digests = list(pool.map(_digest, (self.folder / name for name in self.listed)))
        for (name, about), digest in zip(self.listed.items(), digests, strict=True):
            if digest != about["sha256"]:
                raise BundleError(str(self.folder / name), "its bytes are not those that the manifest vouches for")

    def leaf(self, name: str) -> Leaf:
        """Return a leaf that has been checked, memory-mapped if it is an array."""
        path = self.folder / name
        if name not in self.listed:
            raise BundleError(str(path), "is not in the manifest")
        if path.suffix == ".txt":
            return path.read_bytes().decode()
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        if [array.dtype.str, list(array.shape)] != [self.listed[name]["dtype"], self.listed[name]["shape"]]:
            raise BundleError(str(path), f"is {array.dtype.str} {array.shape}, unlike the manifest says")
        return array


def _no_leaf(name: str) -> Leaf:
    raise KeyError(name)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
