# SPDX-License-Identifier: BSD-2-Clause
"""The published JSON Schema of the results file, made from the types in records.

Run `python -m reports.published` after a change of the types: it rewrites
results.schema.json, and a test fails until that is done.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from attrs import fields, has, resolve_types

from reports.records import COUNT_MAX, OneOf, Results, Shape, Span, Whole, json_names, required
from reports.schema import write_whole

PUBLISHED = Path(__file__).with_name("results.schema.json")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12); sums and unique ids are beyond what it can say."""
    definitions: dict[str, Any] = {}
    root = _of(Results, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sigprobe results",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """Return the published file's content."""
    return json.dumps(json_schema(), indent=1) + "\n"


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if hasattr(kind, "__metadata__"):
        return _of_mark(kind.__metadata__[0])
    if get_origin(kind) in (Union, UnionType):
        return {"anyOf": [_of(part, definitions) for part in get_args(kind)]}
    if get_origin(kind) is dict:
        names, values = (_of(part, definitions) for part in get_args(kind))
        return {"type": "object", "propertyNames": names, "additionalProperties": values}
    if get_origin(kind) is list:
        return {"type": "array", "items": _of(get_args(kind)[0], definitions)}
    if get_origin(kind) is tuple:
        parts = [_of(part, definitions) for part in get_args(kind)]
        return {"type": "array", "prefixItems": parts, "items": False, "minItems": len(parts)}
    if has(kind):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = _of_class(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    return {"type": {str: "string", bool: "boolean", NoneType: "null"}[kind]}


def _of_class(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    resolve_types(kind)
    names = json_names(kind)
    return {
        "description": (kind.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": {names[f.name]: _of(f.type, definitions) for f in fields(kind)},
        "required": sorted(required(kind)),
    }


def _of_mark(mark: Any) -> dict[str, Any]:
    match mark:
        case Whole(low):
            return {"type": "integer", "minimum": low, "maximum": COUNT_MAX}
        case Span(high):
            return {"type": "number", "minimum": 0, "maximum": high}
        case OneOf(words):
            return {"enum": list(words)}
        case Shape(name, pattern):
            return {"type": "string", "description": name, "pattern": f"^(?:{pattern})$"}
    raise TypeError(mark)


if __name__ == "__main__":
    write_whole(PUBLISHED, text())
