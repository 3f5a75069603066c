/**
 * The types in which weights are stored: those of safetensors, and GGUF's blocks of numbers with common scales.
 *
 * Source: ggml-common.h and ggml-quants.c of ggml-org/ggml; all little-endian.
 */

/** Numbers of a block, and bytes that they take. */
const BLOCKS = {
  F32: [1, 4],
  F16: [1, 2],
  BF16: [1, 2],
  Q8_0: [32, 34],
  Q4_0: [32, 18],
  Q4_1: [32, 20],
  Q5_0: [32, 22],
  Q5_1: [32, 24],
  Q4_K: [256, 144],
  Q5_K: [256, 176],
  Q6_K: [256, 210],
} as const;

/** What the numbers of a pretrained tensor are stored as. */
export type StoredType = keyof typeof BLOCKS;

/** Whether a type of this name can be read. */
export function isStoredType(name: string): name is StoredType {
  return Object.hasOwn(BLOCKS, name);
}

/** Names of all of them. */
export const STORED_TYPES = Object.keys(BLOCKS) as readonly StoredType[];

/** Bytes of a row of so many numbers; undefined if they are no whole blocks. */
export function rowBytes(type: StoredType, columns: number): number | undefined {
  const [numbers, bytes] = BLOCKS[type];
  return columns % numbers === 0 ? columns / numbers * bytes : undefined;
}

/**
 * The numbers that are stored in `bytes`, which hold whole blocks: exactly for all types but those with a minimum (Q4_1, Q5_1,
 * Q4_K, Q5_K), whose sum of a multiple of the scale and the minimum is rounded to float32, as in ggml.
 */
export function widen(
  type: StoredType,
  bytes: Uint8Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const [numbers, size] = BLOCKS[type];
  const blocks = bytes.length / size;
  // Typed arrays want aligned buffers.
  const aligned = () => bytes.byteOffset === 0 ? bytes.buffer : bytes.slice().buffer;
  if (type === "F32") return new Float32Array(aligned(), 0, blocks);
  if (type === "F16") return new Float32Array(new Float16Array(aligned(), 0, blocks));
  const out = new Float32Array(blocks * numbers);
  if (type === "BF16") {
    const bits = new Uint32Array(out.buffer), halves = new Uint16Array(aligned(), 0, blocks);
    for (let i = 0; i < blocks; i++) bits[i] = halves[i]! << 16;
    return out;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const widenBlock = { Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K }[type];
  for (let block = 0; block < blocks; block++) {
    widenBlock(view, block * size, out, block * numbers);
  }
  return out;
}

/** Reads the block at byte `at` into `out` from `to` on. */
type WidenBlock = (view: DataView, at: number, out: Float32Array, to: number) => void;

/** Scale, 32 bytes. */
const Q8_0: WidenBlock = (view, at, out, to) => {
  const scale = view.getFloat16(at, true);
  for (let i = 0; i < 32; i++) out[to + i] = scale * view.getInt8(at + 2 + i);
};

/** Scale, 16 bytes: the low halves are the first 16 numbers. */
const Q4_0: WidenBlock = (view, at, out, to) => {
  const scale = view.getFloat16(at, true);
  for (let i = 0; i < 16; i++) {
    const byte = view.getUint8(at + 2 + i);
    out[to + i] = scale * ((byte & 15) - 8);
    out[to + 16 + i] = scale * ((byte >> 4) - 8);
  }
};

/** Scale, minimum, 16 bytes: the low halves are the first 16 numbers. */
const Q4_1: WidenBlock = (view, at, out, to) => {
  const scale = view.getFloat16(at, true), minimum = view.getFloat16(at + 2, true);
  for (let i = 0; i < 16; i++) {
    const byte = view.getUint8(at + 4 + i);
    out[to + i] = scale * (byte & 15) + minimum;
    out[to + 16 + i] = scale * (byte >> 4) + minimum;
  }
};

/** Scale, the fifth bits, 16 bytes of the lower four: the low halves are the first 16 numbers. */
const Q5_0: WidenBlock = (view, at, out, to) => {
  const scale = view.getFloat16(at, true), fifths = view.getUint32(at + 2, true);
  for (let i = 0; i < 16; i++) {
    const byte = view.getUint8(at + 6 + i);
    out[to + i] = scale * ((byte & 15 | fifth(fifths, i)) - 16);
    out[to + 16 + i] = scale * ((byte >> 4 | fifth(fifths, 16 + i)) - 16);
  }
};

/** Scale, minimum, the fifth bits, 16 bytes of the lower four: the low halves are the first 16 numbers. */
const Q5_1: WidenBlock = (view, at, out, to) => {
  const scale = view.getFloat16(at, true), minimum = view.getFloat16(at + 2, true);
  const fifths = view.getUint32(at + 4, true);
  for (let i = 0; i < 16; i++) {
    const byte = view.getUint8(at + 8 + i);
    out[to + i] = scale * (byte & 15 | fifth(fifths, i)) + minimum;
    out[to + 16 + i] = scale * (byte >> 4 | fifth(fifths, 16 + i)) + minimum;
  }
};

/** 16 if bit `i` of `bits` is set. */
const fifth = (bits: number, i: number) => (bits >> i & 1) << 4;

/** Scales of scales and minima, these in 12 bytes, 128 bytes of four bits each. */
const Q4_K: WidenBlock = (view, at, out, to) => widenK(view, at, out, to, at + 16);

/** The same with the fifth bits in 32 bytes before the lower four. */
const Q5_K: WidenBlock = (view, at, out, to) => widenK(view, at, out, to, at + 48, at + 16);

/** Eight groups of 32 numbers, each with a scale and a minimum; two groups share 32 bytes. */
function widenK(
  view: DataView,
  at: number,
  out: Float32Array,
  to: number,
  fours: number,
  fifths?: number,
): void {
  const scales = view.getFloat16(at, true), minima = view.getFloat16(at + 2, true);
  for (let group = 0; group < 8; group++) {
    const [scale, minimum] = scaleAndMinimum(view, at + 4, group);
    for (let i = 0; i < 32; i++) {
      const byte = view.getUint8(fours + 32 * (group >> 1) + i);
      const high = fifths === undefined ? 0 : fifth(view.getUint8(fifths + i), group);
      const number = byte >> 4 * (group & 1) & 15 | high;
      out[to + 32 * group + i] = scales * scale * number - minima * minimum;
    }
  }
}

/** Six bits each: of the first four groups in a byte of their own, of the others in four bits and two that are left elsewhere. */
function scaleAndMinimum(view: DataView, at: number, group: number): [number, number] {
  const byte = (i: number) => view.getUint8(at + i);
  if (group < 4) return [byte(group) & 63, byte(group + 4) & 63];
  const both = byte(group + 4);
  return [both & 15 | byte(group - 4) >> 6 << 4, both >> 4 | byte(group) >> 6 << 4];
}

/** Low four bits in 128 bytes, high two bits in 64, 16 scales, their scale; both halves of 128 numbers are alike. */
const Q6_K: WidenBlock = (view, at, out, to) => {
  const scale = view.getFloat16(at + 208, true);
  for (let i = 0; i < 256; i++) {
    const half = i >> 7, quarter = (i >> 5) & 3, column = i & 31;
    const low = view.getUint8(at + 64 * half + 32 * (quarter & 1) + column) >> 4 * (quarter >> 1);
    const high = view.getUint8(at + 128 + 32 * half + column) >> 2 * quarter;
    const number = ((low & 15) | ((high & 3) << 4)) - 32;
    out[to + i] = scale * view.getInt8(at + 192 + (i >> 4)) * number;
  }
};
