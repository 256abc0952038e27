# Sourced by scripts that install Debian packages: name what is missing, then install_needed.

missing=()
# need COMMAND PACKAGE: the Debian package that has it.
need() { command -v "$1" >/dev/null || missing+=("$2"); }
# need_package PACKAGE...
need_package() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
  done
}

# Installs what was found missing, as root or with sudo.
install_needed() {
  [ "${#missing[@]}" -gt 0 ] || return 0
  local root=()
  command -v apt-get >/dev/null || { echo "apt-get not found; install the equivalents of: ${missing[*]}" >&2; exit 1; }
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "these Debian packages are missing: ${missing[*]}. Run as root, or install sudo, or install them by hand." >&2; exit 1; }
    root=(sudo)
  fi
  echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
