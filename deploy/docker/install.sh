#!/bin/sh
# The first stage of the Dockerfile: everything that the lock names, in /venv.
set -eu
python3 -m venv /venv
# Wheels that were sent along are all there is then; a build without a network fails in one clear line otherwise.
if ls /build/*.whl >/dev/null 2>&1; then
    offline="--no-index --find-links /build"
else
    offline=
fi
[ -n "${PIP_INDEX_URL:-}" ] || unset PIP_INDEX_URL
# shellcheck disable=SC2086 # words
/venv/bin/python -m pip install --quiet --no-cache-dir --no-compile --disable-pip-version-check --require-hashes \
    --only-binary :all: $offline -r /build/app.lock
/venv/bin/python -m pip uninstall --quiet --yes --disable-pip-version-check pip setuptools
# What nothing reads at run time: tests of packages, sources of compiled modules, descriptions of Amazon's other services.
find /venv -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} +
find /venv -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' \) -delete
for data in /venv/lib/python3*/site-packages/botocore/data; do
    find "$data" -mindepth 1 -maxdepth 1 -type d ! -name s3 -exec rm -rf {} +
done
/venv/bin/python -m compileall -q -j 0 /venv/lib
