"""Which build of the program this is, as far as the socket is concerned: a fingerprint of all that crosses it."""

from __future__ import annotations

import enum
import hashlib
import inspect
import re
import sys
import typing

import msgspec

_NAME = re.compile(r"\w+")


def fingerprint(*messages: object) -> str:
    """Return a digest of the shape of messages and of everything in them: names, fields, types, tags, values of enums.

    Equal in every process of one build; builds that write other messages have another one.
    """
    found: dict[str, str] = {}
    for message in messages:
        _describe(message, found)
    text = "\n".join(f"{name} {found[name]}" for name in sorted(found))
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _describe(kind: object, found: dict[str, str]) -> None:
    """Note what a type consists of, and the types of its fields; annotations are read as they are written, once."""
    for part in typing.get_args(kind):
        _describe(part, found)
    if not inspect.isclass(kind) or (name := f"{kind.__module__}.{kind.__qualname__}") in found:
        return
    if issubclass(kind, enum.Enum):
        found[name] = repr([member.value for member in kind])
    elif issubclass(kind, msgspec.Struct):
        config = kind.__struct_config__
        found[name] = (
            f"{config.tag} {config.array_like} {kind.__struct_encode_fields__} {len(kind.__struct_defaults__)}"
        )
        for owner in kind.__mro__:
            names = vars(sys.modules[owner.__module__])
            for field, annotation in vars(owner).get("__annotations__", {}).items():
                found[name] += f" {field}:{annotation}"
                for word in _NAME.findall(str(annotation)):
                    _describe(names.get(word), found)
