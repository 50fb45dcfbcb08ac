"""The systemd unit that keeps `podium-runner` running: printed, never written, so that its reader decides."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

UNIT = """\
[Unit]
Description=Podium runner
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={command}
Restart=always
RestartSec=10
# Limits of runs are set in cgroups below this unit's own.
Delegate=yes
# Only the agent is told to stop, so that sandboxes outlive it and its next start carries on with them.
KillMode=process
# Stopped, it waits so long for running jobs; what runs then is left to the next start.
TimeoutStopSec=600
# A run that is killed at its memory limit must not stop the unit.
OOMPolicy=continue

[Install]
WantedBy=multi-user.target
"""


def unit(command: Sequence[str]) -> str:
    """A unit that runs this command; `%` is systemd's own sign."""
    return UNIT.format(command=shlex.join(command).replace("%", "%%"))
