#!/usr/bin/env bash
# Packs what the build takes from Debian's packages into one folder, for scripts/gpu_check.sh on a machine that has
# neither the packages nor a network:
#   scripts/gpu_pack.sh [FOLDER (.deps/gpu_pack)]
# It needs the packages that scripts/setup.sh installs, but no build. The folder holds one archive: a prefix with
# headers, libraries (and those that they need themselves), protoc, gRPC's plugin and pkg-config. Without the C and C++
# libraries, which belong to the compiler there, and without torch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-.deps/gpu_pack}
limit_mib=60

HEADERS=(nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev libgtest-dev libnifti2-dev libniftiio-dev libznz-dev libdeflate-dev
         zlib1g-dev libpng-dev libcairo2-dev libcurl4-openssl-dev libarchive-dev libgloo-dev libprotobuf-dev libgrpc-dev
         libgrpc++-dev libabsl-dev libssl-dev)
LIBRARIES=(spdlog fmt nifti2 deflate z png cairo curl archive ssl crypto protobuf-lite grpc++ grpc gpr absl_synchronization)
PROGRAMS=(protoc grpc_cpp_plugin pkg-config)

arch=$(g++ -print-multiarch)
usr_lib=/usr/lib/$arch

say() { printf 'gpu_pack: %s\n' "$*"; }
die() { printf 'gpu_pack: error: %s\n' "$*" >&2; exit 1; }
for package in "${HEADERS[@]}"; do
  dpkg-query -L "$package" > /dev/null 2>&1 || die "the Debian package $package is missing. Run scripts/setup.sh."
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/deps
mkdir -p "$prefix"/{include,bin,libexec,"lib/$arch/pkgconfig",share}

# Headers and CMake's packages. Debian keeps some headers in include/ARCH, where only its own compiler looks.
add_headers() {
  local file to
  while IFS= read -r file; do
    [ -f "$file" ] || continue
    case "$file" in
      "/usr/include/$arch"/*) to=include/${file#"/usr/include/$arch/"} ;;
      /usr/include/* | "$usr_lib"/cmake/* | /usr/share/cmake/*) to=${file#/usr/} ;;
      "$usr_lib"/libgtest*.a) to=${file#/usr/} ;;
      *) continue ;;
    esac
    mkdir -p "$prefix/${to%/*}"
    cp "$file" "$prefix/$to"
  done < <(dpkg-query -L "$1")
}

# Boost is 138 MB of headers; ours are those folders that the sources reach.
add_boost() {
  local part
  grep -rhoE '#include <boost/[^>]+>' src apps include tests | sort -u > "$work/boost.cpp"
  g++ -std=c++20 -M "$work/boost.cpp" | grep -oE '/usr/include/boost/[^/ ]+' | sort -u > "$work/boost"
  mkdir -p "$prefix/include/boost"
  while IFS= read -r part; do cp -r "$part" "$prefix/include/boost/"; done < "$work/boost"
  cp -r "$usr_lib"/cmake/{Boost-*,BoostDetectToolset*,boost_headers-*} "$prefix/lib/$arch/cmake/"
}

# add_library FILE: under the name that a linker asks for (-lX), the file's own, and the one that programs are bound to.
add_library() {
  local file name soname
  file=$(readlink -f "$1")
  name=$(basename "$file")
  soname=$(objdump -p "$file" | awk '/SONAME/ { print $2 }')
  cp -n "$file" "$prefix/lib/$arch/$name"
  for link in "$soname" "$(basename "$1")"; do
    [ -z "$link" ] || [ -e "$prefix/lib/$arch/$link" ] || ln -s "$name" "$prefix/lib/$arch/$link"
  done
}

# Those that a program or library needs, without the compiler's own.
needed() {
  ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
    grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv|libutil|libanl|libmvec|libstdc\+\+|libgcc_s|libgomp)\.so' || true
}
add_with_needed() {
  local file
  while IFS= read -r file; do add_library "$file"; done < <(needed "$1")
}

# Started by a script that tells it where its libraries lie.
add_program() {
  local program
  program=$(command -v "$1") || die "$1 is missing. Run scripts/setup.sh."
  cp -L "$program" "$prefix/libexec/$1"
  add_with_needed "$program"
  cat > "$prefix/bin/$1" <<PROGRAM
#!/bin/sh
prefix=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
LD_LIBRARY_PATH="\$prefix/lib/$arch" exec "\$prefix/libexec/$1" "\$@"
PROGRAM
  chmod +x "$prefix/bin/$1"
}

for package in "${HEADERS[@]}"; do add_headers "$package"; done
add_boost
for library in "${LIBRARIES[@]}"; do
  add_library "$usr_lib/lib$library.so"
  add_with_needed "$usr_lib/lib$library.so"
done
for program in "${PROGRAMS[@]}"; do add_program "$program"; done
# cairo is the one that pkg-config is asked for. What it needs itself is in the archive, but not its headers.
sed -e '/^Requires/d' -e 's|^prefix=.*|prefix=${pcfiledir}/../../..|' "$usr_lib/pkgconfig/cairo.pc" \
  > "$prefix/lib/$arch/pkgconfig/cairo.pc"
# Debian's NIfTI libraries look for each other in ../lib (their RUNPATH), whatever the program says.
ln -s "$arch" "$prefix/lib/lib"
find "$prefix/lib" "$prefix/libexec" -type f \( -name '*.so*' -o -path '*/libexec/*' \) -exec strip --strip-unneeded {} +

mkdir -p "$folder"
tar -C "$work" --owner=0 --group=0 -czf "$folder/deps.tar.gz.tmp" deps
mv "$folder/deps.tar.gz.tmp" "$folder/deps.tar.gz"
mib=$(($(stat -c %s "$folder/deps.tar.gz") / 1048576 + 1))
say "$folder: $mib MiB"
[ "$mib" -lt "$limit_mib" ] || die "more than $limit_mib MiB; leave something out in scripts/gpu_pack.sh"
