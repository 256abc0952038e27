#!/usr/bin/env bash
# Makes GDCM, OpenJPEG and DCMTK as archives in .deps/dicom, for what is handed out beside Debian's packages (cmake/Dicom.cmake):
# Debian has them as shared libraries only, which need many others. From Debian's own sources of the very versions that
# are installed here, with its corrections. A second run does nothing.
#   MIRROR, SECURITY_MIRROR   addresses of Debian's archives; JOBS=2
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/packages.bash
need_package cmake ninja-build g++ ca-certificates dpkg-dev patch debian-archive-keyring
need_package libgdcm-dev libopenjp2-7-dev libdcmtk-dev zlib1g-dev libssl-dev uuid-dev libexpat1-dev
install_needed

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

sources=()
for package in libgdcm3.0 libopenjp2-7 libdcmtk17; do
  sources+=("$(dpkg-query -W -f='${source:Package}=${source:Version}' "$package")")
done
wanted="${sources[*]} $(sha256sum < "${BASH_SOURCE[0]}" | cut -c 1-16)"
prefix=$PWD/.deps/dicom
if [ "$(cat "$prefix/sources" 2> /dev/null)" = "$wanted" ]; then exit 0; fi

# What fails is gone on with by the next run.
work=$PWD/.deps/dicom-build
[ "$(cat "$work/wanted" 2> /dev/null)" = "$wanted" ] || rm -rf "$work"
mkdir -p "$work"
printf '%s\n' "$wanted" > "$work/wanted"
log=$work/log
quiet() { "$@" > "$log" 2>&1 || { tail -n 30 "$log" >&2; die "this failed: $*"; }; }

# Lists and settings of our own: the system's apt is left as it is.
say "fetching the sources of ${sources[*]}"
. /etc/os-release
mkdir -p "$work/apt/lists/partial" "$work/apt/sources" "$work/src"
for archive in "${MIRROR:-http://deb.debian.org/debian} $VERSION_CODENAME $VERSION_CODENAME-updates" \
  "${SECURITY_MIRROR:-http://deb.debian.org/debian-security} $VERSION_CODENAME-security"; do
  printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n' \
    "${archive%% *}" "${archive#* }"
done > "$work/apt/sources/debian.sources"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/apt/sources" -o "Dir::State::lists=$work/apt/lists"
  -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o "APT::Sandbox::User=$(id -un)")
quiet "${apt[@]}" update
(cd "$work/src" && quiet "${apt[@]}" source --download-only "${sources[@]}") ||
  die "Debian's archive has other versions than this system: apt-get update && apt-get upgrade"
for source in "$work"/src/*.dsc; do  # apt has checked them
  name=$(basename "${source%%_*}")
  [ -f "$work/src/$name/CMakeLists.txt" ] || (cd "$work/src" && quiet dpkg-source --no-check -x "$source" "$name")
done

launcher=()
if command -v ccache > /dev/null; then launcher=("-DCMAKE_C_COMPILER_LAUNCHER=ccache" "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"); fi
flags="-O2 -fPIC -ffunction-sections -fdata-sections -fvisibility=hidden -w -ffile-prefix-map=$work="
# build NAME TARGETS OPTION...: into $work/build/NAME.
build() {
  local name=$1 targets=$2
  shift 2
  say "building $name"
  # shellcheck disable=SC2086
  quiet cmake -S "$work/src/$name" -B "$work/build/$name" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_INSTALL_PREFIX="$work/prefix" "-DCMAKE_C_FLAGS=$flags" "-DCMAKE_CXX_FLAGS=$flags" \
    -DCMAKE_C_FLAGS_RELEASE=-DNDEBUG -DCMAKE_CXX_FLAGS_RELEASE=-DNDEBUG "${launcher[@]}" "$@"
  # shellcheck disable=SC2086
  quiet cmake --build "$work/build/$name" --parallel "${JOBS:-$(nproc)}" --target $targets
}
rm -rf "$work/prefix"
mkdir -p "$work/prefix/lib" "$work/prefix/licences"
build openjpeg2 openjp2 -DBUILD_CODEC=OFF -DBUILD_STATIC_LIBS=ON
# CharLS (JPEG-LS) is the one inside GDCM's sources.
build gdcm gdcmMSFF -DCMAKE_CXX_STANDARD=17 -DGDCM_BUILD_SHARED_LIBS=OFF -DGDCM_BUILD_APPLICATIONS=OFF -DGDCM_BUILD_TESTING=OFF -DGDCM_DOCUMENTATION=OFF \
  -DGDCM_USE_SYSTEM_ZLIB=ON -DGDCM_USE_SYSTEM_EXPAT=ON -DGDCM_USE_SYSTEM_UUID=ON -DGDCM_USE_SYSTEM_OPENJPEG=ON \
  -DGDCM_INSTALL_INCLUDE_DIR=include/gdcm
quiet cmake --install "$work/build/gdcm" --component Headers
# The dictionary is inside, so that no file has to be found.
build dcmtk dcmtls -DCMAKE_CXX_STANDARD=17 -DBUILD_APPS=OFF -DDCMTK_ENABLE_STL=ON -DDCMTK_ENABLE_PRIVATE_TAGS=ON -DDCMTK_DEFAULT_DICT=builtin -DCMAKE_INSTALL_DATADIC=share/dcmtk \
  -DDCMTK_WITH_OPENSSL=ON -DDCMTK_WITH_ZLIB=ON -DDCMTK_WITH_TIFF=OFF -DDCMTK_WITH_PNG=OFF -DDCMTK_WITH_XML=OFF -DDCMTK_WITH_SNDFILE=OFF \
  -DDCMTK_WITH_WRAP=OFF -DDCMTK_WITH_ICONV=OFF -DDCMTK_WITH_ICU=OFF -DDCMTK_WITH_OPENJPEG=OFF -DDCMTK_WITH_DOXYGEN=OFF
quiet cmake --install "$work/build/dcmtk" --component include
find "$work/build" -name '*.a' -exec cp {} "$work/prefix/lib/" \;
for name in gdcm openjpeg2 dcmtk; do cp "$work/src/$name/debian/copyright" "$work/prefix/licences/$name"; done

printf '%s\n' "$wanted" > "$work/prefix/sources"
rm -rf "$prefix"
mv "$work/prefix" "$prefix"
rm -rf "$work"
say "GDCM, OpenJPEG and DCMTK are in .deps/dicom"
