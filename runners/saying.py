"""How every process of Podium writes its log: one event a line, as JSON where a program reads it, without secrets.

Standard output of a program that was started by hand is read by a person: there it is one readable line. Ids of the
request, the job, the run and the submission come from structlog's context variables. Nothing hands a secret to the log
on purpose; what slips in (an address with a password in an exception, a header in a message) is struck out last, after
exceptions have become text.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

FORMATS = ("json", "plain")
STRUCK = "[redacted]"
_SECRET_NAME = re.compile(
    r"token|passw|secret|cookie|authorization|invite|credential|api_?key|csrf|session", re.IGNORECASE
)
# Counts and names about secrets are none: `tokens=3`, `token_file=/etc/token`.
_HARMLESS_NAME = re.compile(r"(_file|_count|_id|_dir|tokens)$", re.IGNORECASE)
# What a terminal would take for an order: "\x1b[2J" clears it. Lines and tabs are left.
_ORDERS = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160)) if chr(n) not in "\t\n"}
_SECRETS = (
    re.compile(r"\b(?:pod|pool|job)_[A-Za-z0-9_-]{20,}"),
    re.compile(r"(?<=/confirm-email/)[^/\s'\"]+|(?<=/reset/key/)[^/\s'\"]+"),  # links of mails
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),
    re.compile(r"(?i)(?<=\bbearer )[\w.~+/=-]{6,}"),
    re.compile(r"(?i)(?<=\btoken )[\w.~+/=-]{16,}"),
    re.compile(
        r"(?i)(?<![\w-])[\w-]*(?:token|password|passwd|secret|cookie|sessionid|invite_code|api_key|authorization)"
        r"['\"]?\s*[=:]\s*(?:b?['\"])?(?:(?:basic|digest)\s+)?(?!\[redacted\])[^\s'\"&,;}]+"
    ),
)


def format_for(stream: TextIO, said: str = "") -> str:
    """`json` or `plain`: what was said (PODIUM_LOG), else by whether a terminal shows it."""
    return said if said in FORMATS else ("plain" if stream.isatty() else "json")


def gather() -> list[Processor]:
    """What is known of an event before it is written."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        strike_secrets,
    ]


def renderer(chosen: str, *, colours: bool = False) -> Processor:
    if chosen == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    console = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)

    def render(logger: object, method: str, event: EventDict) -> str:
        told = {name: inert(value) if isinstance(value, str) else value for name, value in event.items()}
        return str(console(logger, method, told))

    return render


def log_to(stream: io.TextIOBase, chosen: str) -> None:
    """For a program without Python's own logging: the agent."""
    structlog.configure(
        processors=[*gather(), renderer(chosen, colours=stream.isatty())],
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", stream)),
        cache_logger_on_first_use=True,
    )


def configure_stdlib(said: str = "") -> dict[str, Any]:
    """For a program whose libraries log by Python's `logging`: its `dictConfig`. structlog's own events go there, too.

    `said`: PODIUM_LOG.
    """
    structlog.configure(
        processors=[*gather(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    chosen = format_for(sys.stderr, said)
    write = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        strike_secrets,
        renderer(chosen, colours=sys.stderr.isatty()),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "podium": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": write,
                "foreign_pre_chain": [structlog.stdlib.add_logger_name, *gather()],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "podium"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "httpx": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            # uvicorn brings handlers of its own, whose lines know no ids.
            "uvicorn": {"level": "INFO", "handlers": [], "propagate": True},
            "uvicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
            "uvicorn.access": {
                "level": "ERROR",
                "handlers": [],
                "propagate": False,
            },  # config.request_ids does
        },
    }


def strike_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace whatever is, or looks like, a secret."""
    return {name: _struck(name, value) for name, value in event.items()}


def _struck(name: str, value: object) -> Any:
    if value and _SECRET_NAME.search(name) and not _HARMLESS_NAME.search(name):
        return STRUCK
    if isinstance(value, int | float | None) or name.startswith("_"):  # structlog's own begin with "_"
        return value
    if isinstance(value, Mapping):
        return {key: _struck(str(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_struck("", part) for part in value]
    return struck(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def inert(text: str) -> str:
    """The text as a terminal may show it, whoever wrote it."""
    return text.translate(_ORDERS)


def struck(text: str) -> str:
    """The text without what looks like a secret."""
    for secret in _SECRETS:
        text = secret.sub(STRUCK, text)
    return text
