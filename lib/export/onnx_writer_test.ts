import assert from "node:assert/strict";
import { writeOnnx } from "./onnx_writer.ts";

// Of the same model, made by the helpers of onnx 1.23.2, as SerializeToString(deterministic=True) writes it.
const REFERENCE =
  "080b1204746573743ad2020a240a057461626c650a036964731204726f77731a084761746865725f3022064761746865720a320a04726f77731201791a0b4c65616b7952656c755f3122094c65616b7952656c752a0f0a05616c70686115cdcccc3da001010a300a017912017a1a0b5472616e73706f73655f3222095472616e73706f73652a100a047065726d4001400040ac02a001070a470a017a0a0012036f75741a0647656c755f33220447656c752a170a0b617070726f78696d617465220574c3a46e68a001032a140a046178697318ffffffffffffffffff01a001021207612067726170682a2708020803100142057461626c654a180000803f0000004000004040000080c00000003f6042a20d2a11100742036f6e654a080000000000ffffff5a1a0a0369647312130a110807120d0a07120562617463680a020807621a0a036f757412130a110801120d0a0208030a071205626174636842040a001017720c0a036b6579120576616c7565720d0a096f74686572206b65791200";

Deno.test("a model has the bytes that the onnx package gives it", () => {
  const bytes = writeOnnx({
    name: "a graph",
    nodes: [
      { op: "Gather", inputs: ["table", "ids"], outputs: ["rows"] },
      {
        op: "LeakyRelu",
        inputs: ["rows"],
        outputs: ["y"],
        attributes: { alpha: { float: 0.1 } },
      },
      {
        op: "Transpose",
        inputs: ["y"],
        outputs: ["z"],
        attributes: { perm: { ints: [1, 0, 300] } },
      },
      {
        op: "Gelu",
        inputs: ["z", ""],
        outputs: ["out"],
        attributes: { approximate: { string: "tänh" }, axis: { int: -1 } },
      },
    ],
    initializers: {
      table: { shape: [2, 3], data: Float32Array.of(1, 2, 3, -4, 0.5, 1e-30) },
      one: { shape: [], data: BigInt64Array.of(-(2n ** 40n)) },
    },
    inputs: { ids: { type: "int64", shape: ["batch", 7] } },
    outputs: { out: { type: "float32", shape: [3, "batch"] } },
    opset: 23,
    producer: "test",
    metadata: { key: "value", "other key": "" },
  });
  assert.equal(bytes.toHex(), REFERENCE);
});
