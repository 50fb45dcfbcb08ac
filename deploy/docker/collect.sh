#!/bin/sh
# Static files, and our own code compiled: the site runs on a root that it cannot write to.
set -eu
rm -rf deploy/docker/wheels
PODIUM_VAR=$(mktemp -d)  # the secret key that is drawn for this step goes with it
PODIUM_STATIC=/podium/collected
export PODIUM_VAR PODIUM_STATIC
/venv/bin/python manage.py collectstatic --no-input --verbosity 0
rm -rf "$PODIUM_VAR"
/venv/bin/python -m compileall -q -j 0 /podium
