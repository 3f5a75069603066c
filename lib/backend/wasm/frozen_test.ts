import assert from "node:assert/strict";
import { transposed } from "../../language_model/transposed.ts";
import { RandomStream } from "../../numeric/random.ts";
import type { FrozenWeight, WeightStorage } from "../../tensor/tape.ts";
import { WasmDevice } from "./device.ts";
import { WasmFrozenWeights } from "./frozen.ts";

async function withStore(
  weights: readonly FrozenWeight[],
  test: (store: WasmFrozenWeights, device: WasmDevice) => void,
): Promise<void> {
  const device = await WasmDevice.create(1);
  try {
    test(new WasmFrozenWeights(device, weights), device);
  } finally {
    device.close();
  }
}

/** The number of 16 bits, of which `exponent` after the sign are the exponent's. */
function widened(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits, bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> fractionBits, fraction = bits % 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity;
  const leading = exponent === 0 ? 0 : 1;
  return sign * (leading + fraction / 2 ** fractionBits) * 2 ** (Math.max(1, exponent) - bias);
}

/** The nearest of the numbers of 16 bits, of two that are equally near the one whose last bit is 0. */
function nearest(x: number, exponentBits: number): number {
  if (Number.isNaN(x)) return NaN;
  const fractionBits = 15 - exponentBits, infinity = (2 ** exponentBits - 1) << fractionBits;
  // Numbers of one sign stand in the order of their bits; the infinite one is the next power of two to roundings.
  const size = (bits: number) =>
    bits === infinity ? 2 ** 2 ** (exponentBits - 1) : widened(bits, exponentBits);
  let low = 0, high = infinity;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (size(middle) <= Math.abs(x)) low = middle;
    else high = middle;
  }
  const down = Math.abs(x) - size(low), up = size(high) - Math.abs(x);
  const bits = down < up || (down === up && low % 2 === 0) ? low : high;
  return Math.sign(x) * (bits === infinity ? Infinity : widened(bits, exponentBits));
}

const EXPONENT_BITS = { float16: 5, bfloat16: 8 } as const;

function read(
  device: WasmDevice,
  store: WasmFrozenWeights,
  { name, rows, cols, storage }: FrozenWeight,
): number[] {
  const address = store.address(name), stride = (rows + 1) * 16;
  const length = Math.ceil(cols / 16) * stride;
  const values = storage === "float32"
    ? [...device.f32(address, length)]
    : [...new Uint16Array(device.memory.buffer, address, length)]
      .map((bits) => widened(bits, EXPONENT_BITS[storage]));
  return Array.from({ length: rows * cols }, (_, i) => {
    const r = Math.floor(i / cols), c = i % cols;
    return values[Math.floor(c / 16) * stride + r * 16 + c % 16]!;
  });
}

const ODD = [
  ...[0, -0, 1, -1, NaN, Infinity, -Infinity, 65504, 65519.9, 65520, 1e-40, -1e-45, 3.4e38],
  ...[3.4028234e38, 2 ** -14, 2 ** -24, 2 ** -25, 1.5 * 2 ** -24, 1 + 2 ** -8, 1 + 3 * 2 ** -8],
  ...[1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -126, 2 ** -133, 2 ** -134],
].map(Math.fround);

Deno.test("weights stand in panels, rounded to nearest even as their storage says", async () => {
  const random = new RandomStream({ seed: 1, purpose: "frozen" });
  const shapes = [[1, 3], [1, 16], [3, 17], [40, 33]] as const;
  for (const storage of ["float32", "float16", "bfloat16"] as const) {
    const weights = shapes.map(([rows, cols], i) => ({ name: `w${i}`, rows, cols, storage }));
    await withStore(weights, (store, device) => {
      const written = weights.map(({ name, rows, cols }) => {
        const values = Float32Array.from(
          { length: rows * cols },
          (_, i) => ODD[random.integer(2 * ODD.length)] ?? random.normal() * 2 ** (i % 40 - 20),
        );
        // As a whole, or some columns at a time.
        const turned = transposed(values, rows, cols), most = cols % 2 === 0 ? cols : 5;
        for (let c = 0; c < cols; c += most) {
          store.write(name, turned.subarray(c * rows, (c + most) * rows), c);
        }
        return values;
      });
      weights.forEach((weight, i) => {
        const expected = [...written[i]!].map((x) =>
          storage === "float32" ? x : nearest(x, EXPONENT_BITS[storage]) + 0
        );
        // -0 and 0 are one here: `nearest` has no sign of zero.
        assert.deepEqual(read(device, store, weight).map((x) => x + 0), expected.map((x) => x + 0));
      });
    });
  }
});

Deno.test("weights take 2 bytes a number in float16 and bfloat16, 4 in float32", async () => {
  const bytes = async (storage: WeightStorage) => {
    let size = 0;
    await withStore([{ name: "w", rows: 999, cols: 16_000, storage }], (_, device) => {
      size = device.allocate(64);
    });
    return size;
  };
  const whole = await bytes("float32") - 65536;
  assert.equal(whole, 1000 * 16_000 * 4);
  for (const storage of ["float16", "bfloat16"] as const) {
    assert.equal(await bytes(storage) - 65536, whole / 2);
  }
});

Deno.test("weights that are not there, too many or too large are refused by name", async () => {
  const weights = [{ name: "w", rows: 2, cols: 3, storage: "bfloat16" as const }];
  await withStore(weights, (store, device) => {
    assert.throws(() => store.write("v", new Float32Array(6)), /no parameter "v"/);
    assert.throws(() => store.write("w", new Float32Array(7)), /RangeError: w has 7 values.*2 x 3/);
    assert.throws(() => store.write("w", new Float32Array(6), 1), /6 values from column 1 on/);
    const large = [{ name: "w", rows: 2 ** 16, cols: 2 ** 16, storage: "bfloat16" as const }];
    assert.throws(
      () => new WasmFrozenWeights(device, large),
      /memory: "81\d\d MiB".*smaller model/,
    );
    // Nothing is taken.
    assert.ok(device.allocate(64) < 70_000);
  });
});
