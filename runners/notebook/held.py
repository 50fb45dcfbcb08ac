"""A kernel that was started before there was a notebook (runners.hook.podium_kernel)."""

from __future__ import annotations

import os
import sys
from typing import Any

from jupyter_client.manager import AsyncKernelManager

MODULE = "podium_kernel"


def take() -> Any:
    """The module that holds the kernel waiting beside this driver; None in a cold sandbox, or when it has died."""
    held = sys.modules.pop(MODULE, None)
    return held if held is not None and held.process.poll() is None else None


class Manager(AsyncKernelManager):  # type: ignore[misc]
    """Starts its kernel by letting the held one go, where there is one that fits; otherwise as ever."""

    held: Any = None

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        held, self.held = self.held, None
        if held is None or tuple(kernel_cmd[1:3]) != held.COMMAND:
            await super()._async_launch_kernel(kernel_cmd, **options)
            return
        told = options["env"] | {"JPY_PARENT_PID": str(os.getpid())}
        words = kernel_cmd[3:]
        fields = [
            str(len(words)),
            *words,
            *(f"{name}={value}" for name, value in told.items() if held.environment.get(name) != value),
        ]
        body = b"".join(os.fsencode(field) + b"\0" for field in fields)
        held.message.sendall(b"%d\0%s" % (len(body), body))
        held.message.close()
        provisioner = self.provisioner
        provisioner.process = held.process
        provisioner.pid = provisioner.pgid = held.process.pid  # it leads a session of its own
        provisioner.cwd = options.get("cwd")
        self._reconcile_connection_info(provisioner.connection_info)
