"""Which lines of a lock apply to this machine's Python: as much of PEP 508 as our locks use."""

from __future__ import annotations

import platform
import re
import sys

_TERM = re.compile(r"(\w+) (==|!=|<|<=|>|>=) '([^']*)'")
_VERSIONS = frozenset({"python_full_version", "python_version"})


def applies_here(marker: str) -> bool:
    """Whether `sys_platform == 'linux' and python_version < '3.12'` and the like hold. Unknown terms do not exclude."""
    return all(_holds(term.strip()) for term in marker.split(" and ") if term.strip())


def _holds(term: str) -> bool:
    found = _TERM.fullmatch(term)
    known = {
        "sys_platform": sys.platform,
        "implementation_name": sys.implementation.name,
        "platform_machine": platform.machine(),
        "python_full_version": ".".join(map(str, sys.version_info[:3])),
        "python_version": ".".join(map(str, sys.version_info[:2])),
    }
    if found is None or found[1] not in known:
        return True
    name, operator, wanted = found.groups()
    if name in _VERSIONS:
        return _compare(operator, _numbers(known[name]), _numbers(wanted))
    return (known[name] == wanted) is (operator == "==")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _compare(operator: str, left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    return {
        "==": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[operator]
