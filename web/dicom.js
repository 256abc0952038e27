// DICOM studies that are chosen or dropped: which files they are, and how they go to the server.

/** Zips, and DICOM files by their preamble or name. */
async function looksLikeDicom(file) {
  const start = new Uint8Array(await file.slice(0, 132).arrayBuffer());
  const text = (from, to) => String.fromCharCode(...start.subarray(from, to));
  return /^PK(\x03\x04|\x05\x06)/.test(text(0, 4)) || text(128, 132) === 'DICM' || /\.dcm$/i.test(file.name);
}

const looksLikeNifti = (file) => /\.nii(\.gz)?$/i.test(file.name);

/** Whether the files are a study. Many files that are no NIfTI may be one without preambles: the server will say. */
export async function isStudy(files) {
  if (files.some(looksLikeNifti)) return false;
  for (const file of files) if (await looksLikeDicom(file)) return true;
  return files.length > 1;
}

/** What is sent: a zip or a file as it is, several as a form. Their names stay here: they may be patients'. */
export function bodyOf(files) {
  if (files.length === 1) return files[0].slice();
  const form = new FormData();
  files.forEach((file, i) => form.append('file', file, `${i + 1}.dcm`));
  return form;
}

const read = (entry) => new Promise((resolve, reject) => { entry.file(resolve, reject); });
const some = (reader) => new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });

async function filesBelow(entry) {
  if (entry.isFile) return [await read(entry)];
  const files = [];
  const reader = entry.createReader();
  for (let entries = await some(reader); entries.length > 0; entries = await some(reader)) {
    for (const inside of entries) files.push(...await filesBelow(inside));
  }
  return files;
}

/** The files that were dropped, also those in folders, and a name for all of them. To be called while it is dropped. */
export function dropped(dataTransfer) {
  const entries = [...dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...dataTransfer.files];
  return (async () => {
    const folders = entries.some((entry) => entry.isDirectory);
    const files = folders ? (await Promise.all(entries.map(filesBelow))).flat() : plain;
    return { files, name: folders || files.length !== 1 ? entries[0]?.name ?? 'study' : files[0].name };
  })();
}
