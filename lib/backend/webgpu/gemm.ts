/** Which variant of the matrix product runs a shape, and how its sum is split. */
import type { Constants } from "./source.ts";

/** A product C (m, n) = op(A) op(B) over k. */
export interface GemmShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** A is stored (k, m). */
  readonly transposeA: boolean;
  /** B is stored (n, k). */
  readonly transposeB: boolean;
  /** Stored rows of B, if they are fewer than k (or n): the others are zero. */
  readonly bRows?: number;
  /** Rows of C, if they are fewer than m. */
  readonly cRows?: number;
}

/** The `dims` of kernels/wgsl/gemm_tiles.wgsl. */
export function gemmDims(shape: GemmShape, kSplit: number): number[] {
  const { m, n, k, transposeB, bRows = transposeB ? n : k, cRows = m } = shape;
  return [m, n, k, kSplit, bRows, cRows];
}

/** A tile shape of kernels/wgsl/gemm_tiles.wgsl. */
export interface GemmVariant {
  readonly name: string;
  /** Rows and columns of a workgroup's tile, and of a thread's part of it. */
  readonly BM: number;
  readonly BN: number;
  readonly TM: number;
  readonly TN: number;
}

/** Tile shapes, smallest first. All advance 16 steps of k at a time. */
export const GEMM_VARIANTS: readonly GemmVariant[] = [
  { name: "32x32", BM: 32, BN: 32, TM: 4, TN: 4 },
  { name: "64x32", BM: 64, BN: 32, TM: 8, TN: 4 },
  { name: "64x64", BM: 64, BN: 64, TM: 8, TN: 4 },
  { name: "64x64 8x8", BM: 64, BN: 64, TM: 8, TN: 8 },
  { name: "128x64", BM: 128, BN: 64, TM: 8, TN: 8 },
  { name: "128x128", BM: 128, BN: 128, TM: 8, TN: 8 },
];

/** Size classes that the autotune tells apart: outputs of a product. */
type GemmClass = "small" | "medium" | "large";

/** The class of a product. */
function gemmClass({ m, n }: GemmShape): GemmClass {
  const outputs = m * n;
  return outputs <= 2 ** 18 ? "small" : outputs <= 2 ** 22 ? "medium" : "large";
}

/** Variant names by `tuningKey`; what is missing takes the default. */
export type GemmTuning = Readonly<Record<string, string>>;

/** "nn", "nt" or "tn". */
export function gemmKind({ transposeA, transposeB }: GemmShape): string {
  return (transposeA ? "t" : "n") + (transposeB ? "t" : "n");
}

/** Kind and class of a product: "nt large". */
export function tuningKey(shape: GemmShape): string {
  return `${gemmKind(shape)} ${gemmClass(shape)}`;
}

const DEFAULTS: Readonly<Record<GemmClass, string>> = {
  small: "32x32",
  medium: "64x64",
  large: "128x64",
};

/** Workgroups that keep a large GPU busy; a product with fewer splits its sum. */
const BUSY = 256;
/** Steps of k that a split has at least. */
const SPLIT = 256;

/** How a product is run. */
export interface GemmPlan {
  readonly constants: Constants;
  readonly splits: number;
  /** Steps of k in a split. */
  readonly kSplit: number;
  readonly groups: readonly [number, number, number];
}

/**
 * The plan of a product. Depends on shape and tuning alone. A split sum has other bits than a whole one, so that a row's
 * bits then depend on how many rows there are: `maySplit` says whether they may. A long sum with few outputs is worth a
 * split: a weight gradient, whose k is the rows of a batch, or one over a vocabulary.
 */
export function planGemm(shape: GemmShape, tuning: GemmTuning, maySplit = true): GemmPlan {
  const name = tuning[tuningKey(shape)] ?? DEFAULTS[gemmClass(shape)];
  const variant = GEMM_VARIANTS.find((v) => v.name === name) ?? GEMM_VARIANTS[0]!;
  return planVariant(shape, variant, maySplit);
}

/** The plan of a product with a given variant. */
export function planVariant(
  shape: GemmShape,
  { BM, BN, TM, TN }: GemmVariant,
  maySplit = true,
): GemmPlan {
  const { m, n, k, transposeA, transposeB } = shape;
  const x = Math.ceil(n / BN), y = Math.ceil(m / BM);
  const most = maySplit ? Math.floor(k / SPLIT) : 1;
  const wanted = Math.max(1, Math.min(Math.ceil(BUSY / (x * y)), most));
  const kSplit = Math.ceil(k / wanted / 16) * 16;
  const splits = Math.ceil(k / kSplit);
  return {
    constants: {
      ...{ BM, BN, TM, TN },
      TRANSPOSE_A: Number(transposeA),
      TRANSPOSE_B: Number(transposeB),
    },
    splits,
    kSplit,
    groups: [x, y, splits],
  };
}
