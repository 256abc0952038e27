# Sourced by the tests that need more than scripts/setup.sh installs.

missing=()
# need COMMAND PACKAGE: the Debian package that has it.
need() { command -v "$1" >/dev/null || missing+=("$2"); }

# Installs what need found missing; as root or with sudo.
install_needed() {
  [ "${#missing[@]}" -gt 0 ] || return 0
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "this test needs: ${missing[*]}. Run as root, or install sudo, or install them by hand."; exit 1; }
    root=(sudo)
  fi
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
