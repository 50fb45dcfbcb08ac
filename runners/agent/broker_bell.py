"""Bells on the broker, for hosts of the site's own: a message in the queue `pool.<slug>`, as Celery sends it.

Every message is acknowledged at once and its body is never read.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import kombu
import structlog

from runners.agent.bell import Bell
from runners.agent.site import Backoff

TRANSPORT = {"socket_connect_timeout": 3.0, "max_retries": 0, "retry_on_timeout": False}

log = structlog.get_logger()


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
