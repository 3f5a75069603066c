/**
 * `deno task doctor`: one page on what this machine has of what the kit uses, with the remedy for
 * what is missing.
 */
import os from "node:os";
import { z } from "zod";
import { importStd } from "./args.ts";
import { type Command, printJson, runCommand } from "./command.ts";
import { isVenvReady, V8_FLAGS } from "./venv.ts";

/** One line of the page. */
export interface Finding {
  readonly name: string;
  readonly isFine: boolean;
  /** What was found. */
  readonly detail: string;
  /** What it is for, and how to get it. */
  readonly remedy: string;
  /** Nothing works without it. */
  readonly isRequired?: boolean;
}

const flags = z.object({
  json: z.boolean().default(false).describe("print the findings as one line of JSON"),
});

/** The command; a test brings its own `examine`. */
export function doctorCommand(examine = examineMachine): Command<typeof flags.shape> {
  return {
    name: "doctor",
    summary: "Says what this machine has of what the kit uses, and how to get what is missing.",
    flags,
    async run({ json }) {
      const findings = await examine();
      const isFit = findings.every(({ isFine, isRequired }) => isFine || !isRequired);
      if (json) printJson({ ok: isFit, findings });
      else console.log(formatFindings(findings));
      return isFit ? 0 : 1;
    },
  };
}

/** The page. */
export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const indent = " ".repeat(width + 8);
  return findings.map(({ name, isFine, isRequired, detail, remedy }) => {
    const mark = isFine ? "ok" : isRequired ? "FAIL" : "--";
    const line = `${mark.padEnd(4)}  ${name.padEnd(width)}  ${detail}`;
    return isFine ? line : `${line}\n${indent}${remedy}`;
  }).join("\n");
}

/** Looks at this machine. */
export async function examineMachine(): Promise<Finding[]> {
  return [
    examineDeno(),
    always("V8", Deno.version.v8),
    always("CPU", `${os.cpus()[0]?.model ?? "unknown"}, ${Deno.build.arch}, ${Deno.build.os}`),
    always("memory", `${(Deno.systemMemoryInfo().available / 2 ** 30).toFixed(1)} GiB available`),
    examineThreads(),
    examineSimd(),
    examineV8Flags(),
    await examineWebGpu(),
    await examineOnnxRuntime(),
    examineJupyter(),
    await examineJsr(),
  ];
}

function always(name: string, detail: string): Finding {
  return { name, isFine: true, detail, remedy: "" };
}

function examineDeno(): Finding {
  const [major, minor] = Deno.version.deno.split(".").map(Number) as [number, number];
  return {
    name: "Deno",
    isFine: major > 2 || (major === 2 && minor >= 9),
    detail: Deno.version.deno,
    remedy: "Deno >= 2.9 is needed: npx -y deno@2.9.6 task ..., or deno upgrade",
    isRequired: true,
  };
}

function examineThreads(): Finding {
  const count = navigator.hardwareConcurrency;
  let isFine = true;
  try {
    new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  } catch {
    isFine = false;
  }
  return {
    name: "threads",
    isFine,
    detail: isFine ? `${count}, sharing memory` : "shared WebAssembly memory is refused",
    remedy: "the engine needs it: allow the process more address space (ulimit -v unlimited)",
    isRequired: true,
  };
}

/** `(func (result v128) i32.const 0 i8x16.splat)` */
const SIMD_MODULE = Uint8Array.fromHex(
  "0061736d010000000105016000017b030201000a0801060041" + "00fd0f0b",
);

function examineSimd(): Finding {
  const isFine = WebAssembly.validate(SIMD_MODULE);
  return {
    name: "SIMD",
    isFine,
    detail: isFine ? "simd128" : "WebAssembly's simd128 is missing",
    remedy: "the engine needs it: a processor with SSE4.1 or NEON",
    isRequired: true,
  };
}

function examineV8Flags(): Finding {
  const active = Deno.env.get("DENO_V8_FLAGS") ?? "";
  const missing = V8_FLAGS.split(",").filter((flag) => !active.includes(flag));
  return {
    name: "V8 flags",
    isFine: missing.length === 0,
    detail: missing.length === 0 ? active : `not set: ${missing.join(", ")}`,
    remedy: `twice the speed, the same digits: use deno task, or set DENO_V8_FLAGS=${V8_FLAGS}`,
  };
}

async function examineWebGpu(): Promise<Finding> {
  const info = (await navigator.gpu?.requestAdapter())?.info;
  return {
    name: "WebGPU",
    isFine: info !== undefined,
    detail: info ? info.description || info.vendor : "no adapter",
    remedy: "optional: a GPU with a Vulkan, Metal or DirectX 12 driver; in software, Debian's " +
      "mesa-vulkan-drivers",
  };
}

async function examineOnnxRuntime(): Promise<Finding> {
  const remedy = "needed by one test only: deno install fetches it, for Linux, macOS and Windows";
  try {
    const { env } = await import("onnxruntime-node");
    return { name: "onnxruntime", isFine: true, detail: env.versions.node ?? "found", remedy };
  } catch (error) {
    const detail = (error as Error).message.split("\n")[0]!;
    return { name: "onnxruntime", isFine: false, detail, remedy };
  }
}

function examineJupyter(): Finding {
  const isFine = isVenvReady();
  return {
    name: "Jupyter",
    isFine,
    detail: isFine ? "in .venv" : "not in .venv",
    remedy: "for the reports: deno task notebooks installs it; needs Python >= 3.10 and PyPI",
  };
}

async function examineJsr(): Promise<Finding> {
  const isFine = await importStd() !== undefined;
  return {
    name: "jsr",
    isFine,
    detail: isFine ? "@std/cli parses the flags" : "the registry cannot be reached",
    remedy: "nothing is lost: node:util parses the flags in place of @std/cli",
  };
}

if (import.meta.main) await runCommand(doctorCommand());
