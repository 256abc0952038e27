#!/usr/bin/env bash
# Makes what is handed out (docs/packages.md), in dist/:
#   nnunet_*.deb, libnnunet_*.deb, nnunet-dicom_*.deb, nnunet-torch_*.deb   of the build in build/
#   nnunet-*-linux-x86_64.tar.gz                        of the same objects, linked otherwise
#   nnunet_native-*.whl                                 built by itself (scripts/wheel.sh)
#   SHA256SUMS
#   scripts/dist.sh [deb] [tarball] [wheel]     only these; JOBS=2
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=${JOBS:-$(nproc)}
[ "$#" -gt 0 ] || set -- deb tarball wheel
mkdir -p dist

# made FILE...: the products, in place of earlier ones of these names.
made() { cp "$@" dist/; }

for product in "$@"; do
  case $product in
    deb)
      cmake --build build --parallel "$jobs" --target nnunet_app nnunet_c_library
      rm -rf build/packages
      cpack --config build/CPackConfig.cmake -B "$PWD/build/packages"
      made build/packages/*.deb
      ;;
    tarball)
      JOBS=$jobs scripts/setup_dicom.sh
      cmake -DNNUNET_DICOM_ARCHIVES="$PWD/.deps/dicom" build > /dev/null
      cmake --build build --parallel "$jobs" --target nnunet_portable nnunet_c_portable nnunet_dicom_portable nnunet_dicom_objects_portable
      version=$(sed -n 's/^CMAKE_PROJECT_VERSION:.*=//p' build/CMakeCache.txt)
      name=nnunet-$version-linux-x86_64
      stage=build/portable/$name
      rm -rf "$stage"
      cmake --install build --component program --prefix "$stage" > /dev/null
      cmake --install build --component portable --prefix "$stage" --strip > /dev/null
      cmake -DFOLDER="$stage" -DARCHIVES="$PWD/.deps/dicom" -P cmake/PortableFolder.cmake
      tar -C build/portable --owner=0 --group=0 --sort=name -czf "build/portable/$name.tar.gz" "$name"
      tests/packages/glibc_versions.sh "build/portable/$name.tar.gz"
      made "build/portable/$name.tar.gz"
      ;;
    wheel)
      scripts/wheel.sh
      ;;
    *)
      echo "dist: what is $product? There are deb, tarball and wheel" >&2
      exit 2
      ;;
  esac
done
(cd dist && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%f\n' | sort | xargs sha256sum > SHA256SUMS)
ls -l dist
