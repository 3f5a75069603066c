/**
 * `deno task doctor`: one page on what this machine has of what the kit uses, with the remedy for
 * what is missing.
 */
import os from "node:os";
import { z } from "zod";
import { MAX_THREADS } from "../backend/create.ts";
import { importStd } from "./args.ts";
import { UsageError } from "../errors.ts";
import { gitState } from "../run/provenance.ts";
import { ROOT } from "../root.ts";
import { type Command, printJson, runCommand } from "./command.ts";
import { knownV8Flags } from "./launch.ts";
import { findPython, removedVariables } from "./python.ts";
import { FAST_V8_FLAGS } from "./tasks.ts";
import { isVenvReady } from "./venv.ts";

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
    await examineV8Flags(),
    await examineWebGpu(),
    await examineOnnxRuntime(),
    examineProgress(),
    examineSources(),
    await examineGit(),
    await examinePython(),
    examineJupyter(),
    examineLinker(),
    examineLocale(),
    await examineJsr(),
  ];
}

/** Whether `attempt` does not throw. */
function works(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
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
  const isFine = works(() => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }));
  return {
    name: "threads",
    isFine,
    detail: isFine
      ? `${count}, sharing memory; a cell takes ${MAX_THREADS} at most`
      : "shared WebAssembly memory is refused",
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

async function examineV8Flags(): Promise<Finding> {
  const active = Deno.env.get("DENO_V8_FLAGS") ?? "";
  const known = await knownV8Flags(FAST_V8_FLAGS);
  const missing = known.filter((flag) => !active.includes(flag));
  const unknown = FAST_V8_FLAGS.filter((flag) => !known.includes(flag));
  return {
    name: "V8 flags",
    isFine: missing.length === 0,
    detail: (missing.length === 0 ? active : `not set: ${missing.join(", ")}`) +
      (unknown.length === 0 ? "" : ` (this V8 has no ${unknown.join(", ")})`),
    remedy: "twice the speed, the same digits: use deno task, or set " +
      `DENO_V8_FLAGS=${known.join(",")}`,
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
  const remedy = "for critics and language models in ONNX files: deno install fetches it";
  try {
    const { env } = await import("onnxruntime-node");
    return { name: "onnxruntime", isFine: true, detail: env.versions.node ?? "found", remedy };
  } catch (error) {
    const detail = (error as Error).message.split("\n")[0]!;
    return { name: "onnxruntime", isFine: false, detail, remedy };
  }
}

function examineProgress(): Finding {
  const isFine = works(() => Deno.stderr.writeSync(new TextEncoder().encode("\r")));
  return {
    name: "progress",
    isFine,
    detail: !isFine
      ? "stderr cannot be written"
      : Deno.stderr.isTerminal()
      ? "a live line on this terminal"
      : "no terminal on stderr: a line for each experiment",
    remedy: "nothing is lost but the progress: what is computed is stored all the same",
  };
}

function examineSources(): Finding {
  const names = ["lib", "kernels", "experiments"].flatMap((folder) =>
    danglingLinks(`${ROOT}${folder}`).map((path) => path.slice(ROOT.length))
  );
  return {
    name: "sources",
    isFine: names.length === 0,
    detail: names.length === 0
      ? "no dangling links"
      : `dangling links, passed over: ${names.join(", ")}`,
    remedy: "an editor's lock files go when it closes the file; remove what is left",
  };
}

function danglingLinks(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory, isSymlink }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return danglingLinks(path);
    return isSymlink && !works(() => Deno.statSync(path)) ? [path] : [];
  });
}

async function examineGit(): Promise<Finding> {
  const { commit, dirty } = await gitState(ROOT);
  const set = variablesSet(/^GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR)$/);
  const others = set.length === 0 ? "" : ` (${set.join(", ")}: not looked at)`;
  return {
    name: "git",
    isFine: commit !== null,
    detail:
      (commit === null
        ? "no commit: no git here, or this folder is no checkout of its own"
        : `${commit.slice(0, 12)}${dirty ? ", with changes" : ""}`) + others,
    remedy: "optional: runs then do not say which commit computed them; clone the repository",
  };
}

async function examinePython(): Promise<Finding> {
  const set = variablesSet(/^(PIP_(USER|TARGET|PREFIX|ROOT)|PYTHON\w+)$/);
  const finding = {
    name: "Python",
    remedy: "for the reports only: all else works without it",
  };
  try {
    const detail = await findPython();
    const shielded = set.length === 0 ? "" : `; .venv is shielded from ${set.join(", ")}`;
    return { ...finding, isFine: true, detail: `${detail}${shielded}` };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { ...finding, isFine: false, detail: error.message };
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

function examineLinker(): Finding {
  const names = removedVariables();
  return always(
    "linker",
    names.length === 0
      ? "no LD_* or DYLD_* variables"
      : `${names.join(", ")}: taken away from what the tasks start`,
  );
}

function examineLocale(): Finding {
  // The strongest first.
  const name =
    ["LC_ALL", "LC_CTYPE", "LANG"].map((variable) => Deno.env.get(variable)).find((value) =>
      value
    ) ?? "none";
  const isUtf8 = /utf-?8/i.test(name);
  return always("locale", isUtf8 ? name : `${name}: text between processes is UTF-8 all the same`);
}

/** The names of the variables that this process may see and that are set. */
function variablesSet(pattern: RegExp): string[] {
  return Object.keys(Deno.env.toObject()).filter((name) => pattern.test(name)).sort();
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
