"""One thing that is not as it should be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """`repair` mends it and may be repeated; None: only a person can, as `advice` says."""

    code: str
    subject: str
    what: str
    advice: str
    repair: Callable[[], object] | None = None

    def as_json(self) -> dict[str, Any]:
        told = {field: getattr(self, field) for field in ("code", "subject", "what", "advice")}
        return told | {"can_be_repaired": self.repair is not None}


Examination = Callable[[], Iterator[Finding]]
