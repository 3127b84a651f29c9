"""Turns a value made of dataclasses, arrays and plain data into a JSON tree and named leaves, and back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy.sparse import csr_array

Leaf = NDArray[Any] | str
"""What gets a file of its own: an array, or a text too long for the tree."""
Kinds = Mapping[str, type]
"""The classes that a tree may name, by name; a tree can build nothing else."""

LONG_TEXT = 1024


def kinds(root: type) -> Kinds:
    """Return every dataclass, enumeration and pydantic model that the annotations of ``root`` reach."""
    found: dict[str, type] = {}
    _collect(root, found)
    return found


def _collect(annotation: Any, found: dict[str, type]) -> None:
    for part in get_args(annotation):
        _collect(part, found)
    if not isinstance(annotation, type) or found.get(annotation.__name__) is annotation:
        return
    if not (is_dataclass(annotation) or issubclass(annotation, Enum | BaseModel)):
        return
    if annotation.__name__ in found:
        raise TypeError(f"two classes of one bundle are called {annotation.__name__}")
    found[annotation.__name__] = annotation
    if is_dataclass(annotation):
        for inner in get_type_hints(annotation).values():
            _collect(inner, found)


def flatten(value: Any, kinds: Kinds) -> tuple[Any, dict[str, Leaf]]:
    """Return ``value`` as a tree that JSON can hold, and its leaves by the name under which the tree knows them."""
    leaves: dict[str, Leaf] = {}
    return _Flattener(kinds, leaves).tree(value, ""), leaves


class _Flattener:
    """One walk through a value; ``path`` is where it stands, and the stem of the leaf names."""

    def __init__(self, kinds: Kinds, leaves: dict[str, Leaf]) -> None:
        self.kinds, self.leaves = kinds, leaves

    def tree(self, value: Any, path: str) -> Any:
        """Return ``value`` as JSON can hold it: plain data as it is, all else as an object whose ``is`` names its kind.

        Raises TypeError where a bundle cannot hold the value.
        """
        match value:
            case Enum():
                return {"is": self._kind(value, path), "value": value.value}
            case np.generic():
                return self.tree(value.item(), path)
            case None | bool() | int():
                return value
            case float():
                return value if isfinite(value) else {"is": "float", "value": str(value)}
            case str():
                return value if len(value) <= LONG_TEXT else {"is": "text", "file": self._leaf(value, f"{path}.txt")}
            case np.ndarray():
                return {"is": "array", "file": self._leaf(np.asarray(value), f"{path}.npy")}
            case csr_array():
                return self._sparse(value, path)
            case tuple() | list():
                return [self.tree(part, _join(path, str(at))) for at, part in enumerate(value)]
            case Mapping():
                return {"is": "mapping", "entries": self._entries(value, path)}
            case BaseModel():
                return {"is": self._kind(value, path), "model": json.loads(value.model_dump_json())}
        if not is_dataclass(value):
            raise TypeError(f"{path}: a bundle cannot hold a {type(value).__name__}")
        inner = {f.name: self.tree(getattr(value, f.name), _join(path, f.name)) for f in fields(value)}
        return {"is": self._kind(value, path), "fields": inner}

    def _kind(self, value: Any, path: str) -> str:
        name = type(value).__name__
        if self.kinds.get(name) is not type(value):
            raise TypeError(f"{path}: no annotation of the bundle names {name}")
        return name

    def _leaf(self, leaf: Leaf, name: str) -> str:
        self.leaves[name] = leaf
        return name

    def _entries(self, value: Mapping[Any, Any], path: str) -> list[list[Any]]:
        # Keys are anybody's text, so file names carry the position instead.
        return [[key, self.tree(part, _join(path, str(at)))] for at, (key, part) in enumerate(value.items())]

    def _sparse(self, matrix: csr_array, path: str) -> Any:
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        parts = {part: getattr(matrix, part) for part in ("data", "indices", "indptr")}
        named = {part: self._leaf(array, f"{path}.{part}.npy") for part, array in parts.items()}
        return {"is": "csr", "shape": list(matrix.shape), **named}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def restore(tree: Any, kinds: Kinds, leaf: Callable[[str], Any]) -> Any:
    """Return the value that ``flatten`` saw; ``leaf`` gives a leaf by its name.

    Sequences come back as tuples. Raises KeyError, TypeError or ValueError where the tree is not one of ``flatten``.
    """
    if isinstance(tree, list):
        return tuple(restore(part, kinds, leaf) for part in tree)
    if not isinstance(tree, dict):
        return tree
    match tree["is"]:
        case "float":
            return float(tree["value"])
        case "text" | "array":
            return leaf(tree["file"])
        case "csr":
            return _restore_sparse(tree, leaf)
        case "mapping":
            return {key: restore(part, kinds, leaf) for key, part in tree["entries"]}
    kind: Any = kinds[tree["is"]]
    if "fields" in tree:
        return kind(**{name: restore(part, kinds, leaf) for name, part in tree["fields"].items()})
    return kind.model_validate(tree["model"]) if "model" in tree else kind(tree["value"])


def _restore_sparse(tree: Mapping[str, Any], leaf: Callable[[str], Any]) -> csr_array:
    parts = tuple(leaf(tree[part]) for part in ("data", "indices", "indptr"))
    matrix = csr_array(parts, shape=tuple(tree["shape"]), copy=False)
    # It was canonical when it was saved; asking again would read every page of it, and sorting would write to it.
    matrix.has_canonical_format = True
    return matrix
