#!/bin/sh
# The runner of compose.yaml: the images of the environments, unless the daemon has them, and then the agent.
set -eu
# The trial run's files must be where the daemon finds them, as those of all runs.
mkdir -p -m 700 "$TMPDIR"
# shellcheck disable=SC2086 # names
python3 -m runners.environments build scoring $PODIUM_ENVIRONMENTS --sandbox "$PODIUM_SANDBOX" --root "$PODIUM_ENVIRONMENTS_DIR"
exec python3 -m runners.agent
