/** Where the tests' models are, and whether ONNX Runtime can be had. Test code only. */
import { fileURLToPath } from "node:url";
import { testUnless } from "../../testing.ts";
import { loadOnnxRuntime } from "./onnx_model.ts";

/** The path of a file in testdata/. */
export function testFile(name: string): string {
  return fileURLToPath(new URL(`testdata/${name}`, import.meta.url));
}

/** Why ONNX Runtime cannot be had; undefined where it can. */
export async function missingRuntime(): Promise<string | undefined> {
  try {
    await loadOnnxRuntime();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Registers a test that needs ONNX Runtime: skipped, with the reason, where there is none. */
export async function onnxTests(): Promise<(name: string, fn: () => Promise<void>) => void> {
  const reason = await missingRuntime();
  return (name, fn) => testUnless(reason, name, fn);
}
