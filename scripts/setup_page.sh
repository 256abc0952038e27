#!/usr/bin/env bash
# Fetches the viewer of the page that `nnunet serve` shows (NiiVue, BSD-2-Clause) into .deps/page, from where the build
# takes it. Without npm or a network: a warning; the page then says that the viewer is missing, and all else works.
# A second run does nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VERSION=0.69.0
SHA256=6e9a6a471b428eb3b258a0086beca9187d95e43a781a39e8a519c6da246af485  # of the package

say() { printf 'setup: %s\n' "$*"; }
give_up() { say "warning: $*; the page of nnunet serve will be without its viewer (scripts/setup_page.sh tries again)"; exit 0; }

mkdir -p .deps/page
if [ -s .deps/page/niivue.js ] && [ "$(cat .deps/niivue_version 2>/dev/null)" = "$VERSION" ]; then exit 0; fi

if ! command -v npm >/dev/null; then
  command -v apt-get >/dev/null || give_up "npm is not installed"
  if [ "$(id -u)" -eq 0 ]; then root=(); elif command -v sudo >/dev/null; then root=(sudo); else give_up "npm is not installed"; fi
  say "installing npm"
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >/dev/null ||
    give_up "npm could not be installed"
fi

say "fetching NiiVue $VERSION"
work=$(mktemp -d .deps/niivue.XXXXXX)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" "@niivue/niivue@$VERSION" >/dev/null || give_up "NiiVue could not be fetched"
package=$(find "$work" -name '*.tgz')
echo "$SHA256  $package" | sha256sum --check --status || give_up "the package of NiiVue is not the one that was expected"
tar -xzf "$package" -C "$work" package/dist/index.js
# The browser need not look for a map of the sources, which is left out.
sed '/^\/\/# sourceMappingURL=/d' "$work/package/dist/index.js" > "$work/niivue.js"
mv "$work/niivue.js" .deps/page/niivue.js
printf '%s\n' "$VERSION" > .deps/niivue_version
