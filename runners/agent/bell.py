"""Bells: a message in the queue `pool.<slug>` says that a job of that pool may be waiting.

Theory of operation. The site's database is the queue; a bell only saves waiting. So every message is
acknowledged at once and its body is never looked at, a lost or doubled one changes nothing, and a broker that
is away costs at most one look interval. `Bell` is what a slot waits on: one ring wakes one slot, and a slot
that got a job rings for the next one, so that ten waiting jobs wake ten slots one after another, while one
waiting job does not make every slot ask. A ring while all slots work is kept for the first one that is free.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import kombu
import structlog

from runners.agent.site import Backoff

TRANSPORT = {"socket_connect_timeout": 3.0, "max_retries": 0, "retry_on_timeout": False}

log = structlog.get_logger()


class Bell:
    """Wakes one waiting slot for each ring; rings do not add up."""

    def __init__(self) -> None:
        self._rung = False
        self._closed = False
        self._changed = threading.Condition()

    def ring(self) -> None:
        with self._changed:
            self._rung = True
            self._changed.notify()

    def close(self) -> None:
        """Wake everybody, now and from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait for a ring and take it; False when the time went by without one."""
        with self._changed:
            rung = self._changed.wait_for(lambda: self._rung or self._closed, timeout)
            self._rung = False
            return rung


class StreamListener(threading.Thread):
    """Hears one pool's bell on the site's live stream: for a host that is not on the site's broker.

    `listen` opens the stream and yields the names of its events ("" for any other sign of life).
    """

    def __init__(self, slug: str, bell: Bell, listen: Callable[[], Iterator[str]]) -> None:
        super().__init__(name=f"bell {slug}", daemon=True)
        self._slug, self._bell, self._listen = slug, bell, listen

    def run(self) -> None:
        backoff = Backoff(first=0.5, most=30.0)
        missed, told = True, False
        while True:
            try:
                for event in self._listen():
                    if (
                        missed or event
                    ):  # the first sign of life: one may have been lost while nobody listened
                        self._bell.ring()
                    missed = told = False
                    backoff.reset()
            except Exception as error:  # noqa: BLE001  whatever the site does, the agent goes on looking
                if not told:
                    log.warning("bell stream away", pool=self._slug, error=type(error).__name__)
                told = True
            missed = True
            time.sleep(backoff.next())


class Listener(threading.Thread):
    """Listens on the broker for ever in its own thread and rings bells; its failures never leave it."""

    def __init__(self, broker_url: str, bells: Mapping[str, Bell]) -> None:
        super().__init__(name="bells", daemon=True)
        self._url = broker_url
        self._bells = bells
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        backoff = Backoff(first=0.2, most=5.0)
        away = False
        while not self._stopping.is_set():
            try:
                with kombu.Connection(self._url, transport_options=TRANSPORT) as connection:
                    consumers = [self._consumer(connection, slug) for slug in self._bells]
                    for consumer in consumers:
                        consumer.consume()
                    log.info("bells connected", pools=",".join(self._bells))
                    away = False
                    backoff.reset()
                    self._listen(connection)
            except Exception as error:  # noqa: BLE001  whatever a broker does, the agent goes on without bells
                if not away:
                    log.warning("bells away", error=type(error).__name__)
                away = True
                self._stopping.wait(backoff.next())

    def _listen(self, connection: kombu.Connection) -> None:
        for bell in self._bells.values():
            bell.ring()  # one may have been lost while nobody listened
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                connection.drain_events(timeout=1.0)

    def _consumer(self, connection: kombu.Connection, slug: str) -> kombu.Consumer:
        name = f"pool.{slug}"  # as Celery's send_task declares it: exchange, queue and key have one name
        queue = kombu.Queue(name, kombu.Exchange(name), routing_key=name)

        def heard(_message: Any) -> None:
            self._bells[slug].ring()

        return kombu.Consumer(connection.default_channel, [queue], on_message=heard, no_ack=True)
