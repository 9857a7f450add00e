# SPDX-License-Identifier: BSD-2-Clause
"""Results files are read and written here.

A file is hostile until it has been read: any fault in it is one line that names the file and the
JSON path, and exit status 2. Files are written whole or not at all.
"""

from __future__ import annotations

import functools
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

from reports.records import (
    COUNT_MAX,
    SCHEMA,
    Case,
    Fault,
    Handler,
    Latency,
    OneOf,
    Platform,
    Results,
    Run,
    Shape,
    Sightings,
    Span,
    SweepStep,
    ThreadState,
    Whole,
    bucket,
    json_names,
    printable,
    required,
)

# Parsed JSON takes up to twenty times its size in memory; a whole platform's file has a few MB.
SIZE_MAX = 64 * 2**20


def load(path: str | os.PathLike[str]) -> Results:
    """Read a results file; raises Fault (status 2) for anything that is not one."""
    name = os.fspath(path)
    try:
        with Path(name).open("rb") as file:
            data = file.read(SIZE_MAX + 1)
    except (OSError, ValueError) as error:
        raise Fault(f"{name}: cannot be read: {getattr(error, 'strerror', error)}") from None
    return loads(data, name)


def loads(data: bytes, name: str) -> Results:
    """Read results from bytes; `name` stands for the file in the Fault (status 2)."""
    if len(data) > SIZE_MAX:
        raise Fault(f"{name}: larger than {SIZE_MAX >> 20} MB, which no results file is")
    tree = _parse(data, name)
    _check_schema(tree, name)
    try:
        results: Results = _converter(exact=False).structure(tree, Results)
    except Exception:
        raise Fault(f"{name}: {_first_fault(tree)}") from None
    return results


class _Broken:
    """Stands in the parsed tree where the JSON was wrong, so that a walk can name the place."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _parse(data: bytes, name: str) -> Any:
    broken: list[_Broken] = []

    def wrong(reason: str) -> _Broken:
        broken.append(_Broken(reason))
        return broken[-1]

    def unique(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
        return wrong(f"key {_shown(key)} appears twice")

    try:
        tree = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=unique,
            parse_constant=lambda word: wrong(f"{word} is not a JSON number"),
        )
    except UnicodeDecodeError as error:
        raise Fault(f"{name}: not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise Fault(f"{name}: not JSON, or cut short: {error.msg} at {where}") from None
    except ValueError:  # more digits than int() takes: sys.get_int_max_str_digits
        raise Fault(f"{name}: a number in it has too many digits") from None
    except RecursionError:
        raise Fault(f"{name}: nested too deeply") from None
    if broken:
        raise Fault(f"{name}: {_locate(tree)}")
    return tree


def _locate(tree: Any) -> str:
    stack = [("$", tree)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, _Broken):
            return f"{path}: {node.reason}"
        if isinstance(node, dict):
            stack += [(f"{path}.{key[:60]}", value) for key, value in reversed(node.items())]
        elif isinstance(node, list):
            stack += [(f"{path}[{i}]", node[i]) for i in range(len(node) - 1, -1, -1)]
    return "$: a key appears twice"  # inside an object that was itself replaced


def _check_schema(tree: Any, name: str) -> None:
    found = tree.get("schema") if isinstance(tree, dict) else None
    if found == SCHEMA:
        return
    family, _, number = SCHEMA.partition("/")
    if not isinstance(found, str) or not found.startswith(f"{family}/"):
        raise Fault(f"{name}: $.schema: not a sigprobe results file")
    version = found.rpartition("/")[2]
    newer = version.isdecimal() and int(version[:9]) > int(number)
    words = "is newer than" if newer else "is not"
    raise Fault(f"{name}: $.schema: {found[:60]} {words} {SCHEMA}, which is read here")


def _first_fault(tree: Any) -> str:
    from cattrs import transform_error

    try:
        _converter(exact=True).structure(tree, Results)
    except Exception as error:
        lines = transform_error(error, format_exception=lambda fault, _: str(fault))
        message, _, path = lines[0].rpartition(" @ ")
        return f"{path[:200]}: {message}"
    return "$: cannot be read"


def _shown(value: Any) -> str:
    if isinstance(value, int) and abs(value) > 10**40:  # str() of a huge int is slow or refused
        return "a huge number"
    return repr(value)[:60] if isinstance(value, str | int | float) else type(value).__name__


def _unlike(value: Any, what: str) -> ValueError:
    return ValueError(f"{_shown(value)} is not {what}")


def _need(holds: bool, words: str) -> None:
    if not holds:
        raise ValueError(words)


def _hook(kind: Any) -> Callable[[Any, Any], Any]:
    """Return the reader of a marked type (see records)."""
    match kind.__metadata__[0]:
        case Whole(low):
            return _whole(low)
        case Span(high):
            return _span(high)
        case OneOf(words):
            return _member(words, f"one of {', '.join(words)}")
        case Shape(name, pattern):
            return _shaped(name, pattern)
    raise TypeError(kind)


def _whole(low: int) -> Callable[[Any, Any], int]:
    def read(value: Any, _: Any) -> int:
        if type(value) is not int or not low <= value <= COUNT_MAX:
            raise _unlike(value, f"a whole number from {low} to {COUNT_MAX}")
        return value

    return read


def _span(high: float) -> Callable[[Any, Any], float]:
    def read(value: Any, _: Any) -> float:
        if type(value) not in (int, float) or not 0 <= value <= high:
            raise _unlike(value, f"a number from 0 to {high:g}")
        return round(float(value), 6)

    return read


def _member(words: tuple[str, ...], name: str) -> Callable[[Any, Any], str]:
    known = frozenset(words)

    def read(value: Any, _: Any) -> str:
        if type(value) is not str or value not in known:
            raise _unlike(value, name)
        return value

    return read


def _shaped(name: str, pattern: str) -> Callable[[Any, Any], str]:
    matches = re.compile(pattern).fullmatch

    def read(value: Any, _: Any) -> str:
        if type(value) is not str or len(value) > 400 or not matches(value):
            raise _unlike(value, f"a {name}")
        return value

    return read


def _text(value: Any, _: Any) -> str:
    if type(value) is not str:
        raise _unlike(value, "a string")
    return printable(value)


def _boolean(value: Any, _: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{_shown(value)} is neither true nor false")
    return value


def _check_case(case: Case) -> None:
    total = sum(case.outcomes.values())
    _need(total == case.trials, f"outcomes add up to {total}, not to trials ({case.trials})")
    _need(case.reached <= case.trials, "more trials reached than made")
    _need(case.late <= case.trials, "more trials late than made")
    _need(case.status != "unsupported" or not case.trials, "trials of an unsupported case")
    offsets = [step.offset_ns for step in case.sweep or []]
    _need(len(offsets) == len(set(offsets)), "a sweep's offset appears twice")


def _check_latency(latency: Latency) -> None:
    lows = [low for low, _ in latency.buckets]
    _need(all(a < b for a, b in zip(lows, lows[1:], strict=False)), "buckets do not ascend")
    _need(all(bucket(low) == low for low in lows), "a number that is no bucket's lower bound")


def _check_results(results: Results) -> None:
    seen: set[str] = set()
    for case in results.cases:
        _need(case.id not in seen, f"case {case.id} appears twice")
        seen.add(case.id)


_CHECKS: dict[Any, Callable[[Any], None]] = {
    Case: _check_case,
    Latency: _check_latency,
    Results: _check_results,
}


@functools.cache
def _converter(exact: bool) -> Any:
    """Return a converter: the exact one knows the path of what it refuses, and is slower."""
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

    converter: Any = Converter(detailed_validation=exact)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook_factory(lambda kind: hasattr(kind, "__metadata__"), _hook)
    converter.register_structure_hook_factory(_is_a(dict), _read_table)
    converter.register_structure_hook_factory(_is_a(list), _read_list)
    converter.register_structure_hook_factory(_is_a(tuple), _read_pair)
    brief = {name: override(omit_if_default=True) for name in ("sweep", "kicks", "traced", "note")}
    for kind in (ThreadState, Platform, Run, Sightings, Handler, Latency, SweepStep, Case, Results):
        names = {field: override(rename=key) for field, key in json_names(kind).items()}
        rules: Any = names | brief if kind is Case else names
        read = make_dict_structure_fn(kind, converter, **rules)
        write = make_dict_unstructure_fn(kind, converter, **rules)
        converter.register_structure_hook(kind, _read_object(kind, read))
        converter.register_unstructure_hook(kind, write)
    return converter


def _is_a(container: type) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is container


def _read_object(kind: type, read: Any) -> Callable[[Any, Any], Any]:
    needed = required(kind)
    check = _CHECKS.get(kind)

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise _unlike(value, "an object")
        if not needed <= value.keys():
            raise ValueError(f"lacks {', '.join(sorted(needed - value.keys()))}")
        found = read(value, kind)
        if check:
            check(found)
        return found

    return structure


def _read_table(kind: Any, converter: Any) -> Callable[[Any, Any], dict[Any, Any]]:
    from cattrs.gen import make_mapping_structure_fn

    read: Any = make_mapping_structure_fn(kind, converter)

    def structure(value: Any, _: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise _unlike(value, "an object")
        return dict(read(value, kind))

    return structure


def _read_list(kind: Any, converter: Any) -> Callable[[Any, Any], list[Any]]:
    from cattrs.cols import list_structure_factory

    read = list_structure_factory(kind, converter)

    def structure(value: Any, _: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _unlike(value, "a list")
        return list(read(value, kind))

    return structure


def _read_pair(kind: Any, converter: Any) -> Callable[[Any, Any], tuple[Any, Any]]:
    read = converter.get_structure_hook(get_args(kind)[0])

    def structure(value: Any, _: Any) -> tuple[Any, Any]:
        if not isinstance(value, list) or len(value) != 2:
            raise _unlike(value, "a pair")
        return read(value[0], None), read(value[1], None)

    return structure


def dumps(results: Results) -> str:
    """Return the file's text: stable key order, one line a case, a newline at the end."""
    tree = _converter(exact=False).unstructure(results)
    for case in tree["cases"]:
        case["outcomes"] = dict(sorted(case["outcomes"].items()))
    compact = functools.partial(json.dumps, ensure_ascii=False, allow_nan=False)
    head = [f' "{key}": {compact(tree[key])}' for key in ("schema", "platform", "run")]
    cases = ",\n".join("  " + compact(case) for case in tree["cases"])
    body = f"[\n{cases}\n ]" if cases else "[]"
    return "{\n" + ",\n".join([*head, f' "cases": {body}']) + "\n}\n"


def save(results: Results, path: str | os.PathLike[str]) -> None:
    """Write a results file, whole or not at all; raises Fault (status 2) where it cannot."""
    write_whole(path, dumps(results))


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Put the content at the path in one step; raises Fault (status 2), leaving what was there."""
    target = Path(path)
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(data)  # a device or a pipe: there is nothing to replace
        else:
            _replace(target.resolve(), data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise Fault(f"{target}: cannot be written: {reason}") from None


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
