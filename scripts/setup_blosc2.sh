#!/usr/bin/env bash
# blosc2's library and headers out of its wheel, in .deps/blosc2: what reads the cases that nnU-Net v2 preprocessed (.b2nd).
# Debian 12 has no package of it. The first argument is the Python whose pip fetches it. Without a network the build goes
# without it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
VERSION=4.14.1
FOLDER=.deps/blosc2
[ ! -f "$FOLDER/blosc2-$VERSION.dist-info/METADATA" ] || exit 0
python=$1
fetched=$(mktemp -d .deps/blosc2.XXXXXX)
trap 'rm -rf "$fetched"' EXIT
echo "setup: fetching blosc2 $VERSION into $FOLDER"
if ! "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$fetched" "blosc2==$VERSION"; then
  echo "setup: warning: blosc2 was not fetched; nnU-Net's preprocessed cases (.b2nd) will not be read"
  exit 0
fi
"$python" -m zipfile -e "$fetched"/blosc2-*.whl "$fetched/unpacked"
rm -rf "$FOLDER"
mv "$fetched/unpacked" "$FOLDER"
