// DICOM files of a NIfTI image for the page's test: slices of int16, explicit little endian.

import { gunzipSync } from 'node:zlib';

const long = new Set(['OW', 'OB', 'SQ', 'UN']);

function element(tag, vr, value) {
  let bytes = value;
  if (typeof value === 'number') {
    bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
  } else if (typeof value === 'string') {
    bytes = Buffer.from(value.length % 2 === 0 ? value : value + (vr === 'UI' ? '\0' : ' '), 'latin1');
  }
  const head = Buffer.alloc(long.has(vr) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (long.has(vr)) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

/** Voxels of the common types as numbers. */
function readVoxels(file) {
  const bytes = file[0] === 0x1f ? gunzipSync(file) : file;
  const shape = [1, 2, 3].map((i) => bytes.readInt16LE(40 + 2 * i));
  const spacing = [1, 2, 3].map((i) => bytes.readFloatLE(76 + 4 * i));
  const readers = { 2: [1, 'readUInt8'], 4: [2, 'readInt16LE'], 16: [4, 'readFloatLE'], 64: [8, 'readDoubleLE'], 512: [2, 'readUInt16LE'] };
  const [size, read] = readers[bytes.readInt16LE(70)];
  const start = bytes.readFloatLE(108);
  const count = shape.reduce((a, b) => a * b);
  return { shape, spacing, values: Array.from({ length: count }, (_, i) => bytes[read](start + i * size)) };
}

/** [{name, bytes}] of a series: the image's values, stretched over what int16 holds where they are fractions. */
export function seriesOf(file, uid) {
  const { shape: [nx, ny, nz], spacing, values } = readVoxels(file);
  const most = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const scale = values.every(Number.isInteger) && most < 32768 ? 1 : 32000 / most;
  return Array.from({ length: nz }, (_, z) => {
    const pixels = Buffer.alloc(2 * nx * ny);
    for (let i = 0; i < nx * ny; ++i) pixels.writeInt16LE(Math.round(values[z * nx * ny + i] * scale), 2 * i);
    const data = Buffer.concat([
      element(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.4'),
      element(0x00080018, 'UI', `${uid}.${z + 1}`),
      element(0x00080060, 'CS', 'MR'),
      element(0x00100010, 'PN', 'Smith^Jane'),
      element(0x00100020, 'LO', '4711'),
      element(0x00180050, 'DS', spacing[2].toFixed(6)),
      element(0x0020000d, 'UI', '1.2.3'),
      element(0x0020000e, 'UI', uid),
      element(0x00200032, 'DS', `0\\0\\${(z * spacing[2]).toFixed(6)}`),
      element(0x00200037, 'DS', '-1\\0\\0\\0\\-1\\0'),  // x to the right, y to the front
      element(0x00200052, 'UI', '1.2.9'),
      element(0x00280002, 'US', 1),
      element(0x00280004, 'CS', 'MONOCHROME2'),
      element(0x00280010, 'US', ny),
      element(0x00280011, 'US', nx),
      element(0x00280030, 'DS', `${spacing[1].toFixed(6)}\\${spacing[0].toFixed(6)}`),
      element(0x00280100, 'US', 16),
      element(0x00280101, 'US', 16),
      element(0x00280102, 'US', 15),
      element(0x00280103, 'US', 1),
      element(0x7fe00010, 'OW', pixels),
    ]);
    const syntax = element(0x00020010, 'UI', '1.2.840.10008.1.2.1');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(syntax.length);
    const meta = Buffer.concat([element(0x00020000, 'UL', length), syntax]);
    return { name: `SmithJane_${uid}_${z}.dcm`, bytes: Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), meta, data]) };
  });
}
