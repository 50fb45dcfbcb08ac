"""What a cell has printed, when it is done: as a terminal would show it, a piece for each stream."""

from __future__ import annotations

import re
from typing import Any

# nbclient does the same with an expression that is not bound to a line's beginning: a quarter of a megabyte without a
# newline then takes it minutes.
_WRITTEN_OVER = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)


def settled(outputs: list[Any]) -> list[Any]:
    """The outputs with all that was printed to one stream where its first piece was, standard output first."""
    streams: dict[str, Any] = {}
    kept: list[Any] = []
    for output in outputs:
        if output["output_type"] != "stream":
            kept.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output
            kept.append(output)
    for output in streams.values():
        output["text"] = _WRITTEN_OVER.sub("", output["text"])
    for first, second in zip(range(len(kept)), range(1, len(kept)), strict=False):
        if kept[first].get("name") == "stderr" and kept[second].get("name") == "stdout":
            kept[first], kept[second] = kept[second], kept[first]
    return kept
