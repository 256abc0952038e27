# What other programs know of DICOM, for the slow tests of reading and of writing. To be sourced after scripts/packages.bash,
# with `root` set.
#   PEER=folder    a virtual environment with them (default: .deps/dicom-venv, made where it is missing)
peer=${PEER:-$root/.deps/dicom-venv}
peer_packages=("pydicom==3.0.2" "pynetdicom==3.0.4" "highdicom==0.28.2" "nibabel==5.4.2" "SimpleITK==2.5.7" "pylibjpeg==2.1.0" "pylibjpeg-libjpeg==2.5.0"
               "pylibjpeg-openjpeg==2.6.0" "pylibjpeg-rle==2.2.0" "dicomweb-client==0.61.2" dcmqi dicom-validator==0.9.0 dicom-standard==0.1.0
               dcmrtstruct2nii rt-utils)
if [ "$(cat "$peer/packages" 2>/dev/null)" != "${peer_packages[*]}" ] && [ -z "${PEER:-}" ]; then
  rm -rf "$peer"
  python3 -m venv "$peer" && "$peer/bin/pip" install --quiet --disable-pip-version-check "${peer_packages[@]}" ||
    { rm -rf "$peer"; echo "SKIPPED: ${peer_packages[*]} cannot be installed"; exit 0; }
  printf '%s\n' "${peer_packages[*]}" > "$peer/packages"
fi
