// What the page itself needs to know of NIfTI files: sizes, spacing, and the voxels of label maps.

const isGzip = (bytes) => bytes[0] === 0x1f && bytes[1] === 0x8b;

function unpacked(blob) {
  return blob.stream().pipeThrough(new DecompressionStream('gzip'));
}

/** The first so many bytes of the content, or fewer. */
async function start(blob, size) {
  const first = new Uint8Array(await blob.slice(0, size).arrayBuffer());
  if (!isGzip(first)) return first;
  const reader = unpacked(blob).getReader();
  const bytes = new Uint8Array(size);
  let n = 0;
  try {
    while (n < size) {
      const { value, done } = await reader.read();
      if (done) break;
      const part = value.subarray(0, size - n);
      bytes.set(part, n);
      n += part.length;
    }
  } catch {
    // What could be unpacked may suffice.
  }
  reader.cancel().catch(() => {});
  return bytes.subarray(0, n);
}

/** {shape: [x, y, z], spacing: [mm], channels, datatype, offset, little}; throws an Error that says what is wrong. */
function parseHeader(bytes) {
  if (bytes.length < 348) throw new Error('it is too short for a NIfTI file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = [348, 540].includes(view.getInt32(0, true));
  const size = view.getInt32(0, little);
  if (size !== 348 && size !== 540) throw new Error('it is no NIfTI file');
  const two = size === 540;
  if (two && bytes.length < 540) throw new Error('it is too short for a NIfTI file');
  const dim = (i) => (two ? Number(view.getBigInt64(16 + 8 * i, little)) : view.getInt16(40 + 2 * i, little));
  const pixdim = (i) => (two ? view.getFloat64(104 + 8 * i, little) : view.getFloat32(76 + 4 * i, little));
  const rank = dim(0);
  if (rank < 1 || rank > 7) throw new Error('its header is damaged');
  const along = (i) => (i <= rank ? dim(i) : 1);
  const header = {
    shape: [1, 2, 3].map(along),
    spacing: [1, 2, 3].map((i) => Math.abs(pixdim(i))),
    channels: along(4),
    datatype: view.getInt16(two ? 12 : 70, little),
    offset: two ? Number(view.getBigInt64(168, little)) : view.getFloat32(108, little),
    little,
  };
  if (!header.shape.every((n) => n > 0)) throw new Error('its header is damaged');
  return header;
}

export async function readHeader(blob) {
  return parseHeader(await start(blob, 540));
}

/** A label map (uint8): its header and voxels, x fastest. */
export async function readLabels(bytes) {
  const packed = isGzip(new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength)));
  const content = packed ? await new Response(unpacked(new Blob([bytes]))).arrayBuffer() : bytes;
  const header = parseHeader(new Uint8Array(content));
  const [nx, ny, nz] = header.shape;
  if (header.datatype !== 2) throw new Error('its voxels are no labels');
  if (content.byteLength < header.offset + nx * ny * nz) throw new Error('it is truncated');
  return { header, voxels: new Uint8Array(content, header.offset, nx * ny * nz) };
}

/** Calls visit(label, x, y, z) for each voxel that is not background. */
function eachLabel({ header, voxels }, visit) {
  const [nx, ny, nz] = header.shape;
  for (let z = 0, i = 0; z < nz; ++z) {
    for (let y = 0; y < ny; ++y) {
      for (let x = 0; x < nx; ++x, ++i) if (voxels[i] !== 0) visit(voxels[i], x, y, z);
    }
  }
}

/**
 * For each class: how many voxels, their volume in mL, and a voxel [x, y, z] of it in whose planes much of it is seen
 * (null where there is none). Entry 0 is that of all classes together.
 */
export function measure(labels, nClasses) {
  const { shape, spacing } = labels.header;
  const ml = spacing.reduce((a, b) => a * b, 1) / 1000;
  const found = Array.from({ length: nClasses }, () => ({ voxels: 0, ml: 0, centre: null, nearest: Infinity }));
  const planes = found.map(() => shape.map((n) => new Uint32Array(n)));
  eachLabel(labels, (label, x, y, z) => {
    for (const k of label < nClasses ? [label, 0] : [0]) {
      ++found[k].voxels;
      ++planes[k][0][x];
      ++planes[k][1][y];
      ++planes[k][2][z];
    }
  });
  // The voxel nearest to where the three planes meet that hold most.
  const most = (counts) => counts.reduce((best, n, i) => (n > counts[best] ? i : best), 0);
  const meet = planes.map((counts) => counts.map(most));
  eachLabel(labels, (label, x, y, z) => {
    for (const k of label < nClasses ? [label, 0] : [0]) {
      const [mx, my, mz] = meet[k];
      const distance = (x - mx) ** 2 + (y - my) ** 2 + (z - mz) ** 2;
      if (distance < found[k].nearest) Object.assign(found[k], { nearest: distance, centre: [x, y, z] });
    }
  });
  return found.map(({ voxels, centre }) => ({ voxels, ml: voxels * ml, centre }));
}
