#!/bin/sh
# Copies third-party browser files out of npm packages into static/vendor, which is committed: installing Podium needs
# no npm, and pages load nothing from elsewhere. Run it after changing package.json; `sha256sum -c` checks the copies.
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts
target=../../static/vendor
mkdir -p "$target/bootstrap" "$target/idiomorph"
# The line that names a source map is left out: the map is not shipped, and hashed static storage wants it to exist.
sed '/sourceMappingURL=/d' node_modules/bootstrap/dist/css/bootstrap.min.css >"$target/bootstrap/bootstrap.min.css"
cp node_modules/bootstrap/LICENSE "$target/bootstrap/LICENSE"
cp node_modules/idiomorph/dist/idiomorph.esm.js node_modules/idiomorph/LICENSE "$target/idiomorph/"
rm -rf node_modules
cd "$target"
find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs sha256sum >SHA256SUMS
