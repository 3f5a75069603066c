/** The processes that a benchmark commands: our worker, and the peer's. */
import { UsageError } from "../errors.ts";
import { ROOT } from "../root.ts";
import type { BenchAnswers, BenchCommand } from "./bench_worker.ts";
import type { LanguageModelCommand } from "./bench_language_model_worker.ts";
import { lastLine, messages } from "../cli/child_output.ts";
import { ISOLATED, run, shielded } from "../cli/python.ts";
import { ensureVenv, VENV_PYTHON } from "../cli/venv.ts";

/** PyTorch's version. */
const TORCH = "2.13.0";

/** A process that answers a line of JSON with a line of JSON. */
export class BenchProcess {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncGenerator<object>;
  readonly #errors: Promise<string>;
  /** What it printed beside its answers. */
  #text = "";

  private constructor(readonly name: string, program: string, args: string[]) {
    this.#child = new Deno.Command(program, {
      args,
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#answers = messages(this.#child.stdout, (line) => this.#text += `${line}\n`);
    this.#errors = new Response(this.#child.stderr).text();
  }

  /** bench_worker.ts. */
  static ours(): BenchProcess {
    // CI: asked by the compiler, where the kernels are not built yet.
    const permissions = ["--no-prompt", "--allow-read=.", "--allow-write=.cache", "--allow-env=CI"];
    const args = ["run", ...permissions, "lib/bench/bench_worker.ts"];
    return new BenchProcess("the kit", Deno.execPath(), args);
  }

  /** bench_language_model_worker.ts, which reads the model at `path`. */
  static languageModel(path: string): BenchProcess {
    const permissions = ["--no-prompt", `--allow-read=.,${path}`, "--allow-sys=systemMemoryInfo"];
    const args = ["run", ...permissions, "lib/bench/bench_language_model_worker.ts"];
    return new BenchProcess("the kit", Deno.execPath(), args);
  }

  /** A peer's script, run by `python`. */
  static script(name: string, python: string, path: string): BenchProcess {
    return new BenchProcess(name, python, [path]);
  }

  /** bench_torch.py, run by `python`, the user's as it is; "gpu" takes a card where PyTorch has one. */
  static torch(python: string, device: "cpu" | "gpu" = "cpu"): BenchProcess {
    const flags = python === VENV_PYTHON ? ISOLATED : [];
    return new BenchProcess("PyTorch", python, [...flags, "lib/bench/bench_torch.py", device]);
  }

  /** Throws what the process wrote, if it ends instead of answering. */
  async ask<C extends BenchCommand | LanguageModelCommand>(
    command: C,
  ): Promise<BenchAnswers[C["op"]]> {
    try {
      await this.#input.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    } catch { /* It has ended: reading says so too. */ }
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.name} ended: ${(this.#text + await this.#errors).trim()}`);
    return value as BenchAnswers[C["op"]];
  }

  /** Lets the process end and waits for it. */
  async end(): Promise<void> {
    try {
      await this.#input.close();
    } catch { /* It has ended. */ }
    for await (const _ of this.#answers); // To the end of its output.
    await Promise.all([this.#child.status, this.#errors]);
  }
}

/**
 * The Python that runs bench_torch.py, and what PyTorch says of itself there: `python` if given, as it is; else that of
 * `.venv`, where PyTorch is installed if need be.
 */
export async function findTorch(
  python: string,
  device: "cpu" | "gpu",
  progress: (line: string) => void,
): Promise<{ python: string; answer: unknown }> {
  if (python === "") await ensureTorch(progress);
  const found = python === "" ? VENV_PYTHON : python;
  try {
    const process = BenchProcess.torch(found, device);
    try {
      return { python: found, answer: await process.ask({ op: "describe" }) };
    } finally {
      await process.end();
    }
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const isForbidden = cause instanceof Deno.errors.NotCapable;
    throw new UsageError(
      "--python",
      found,
      `${lastLine(cause.message)}: ` +
        (isForbidden
          ? "put its folder first on the PATH and give --python python3, or see lib/bench/bench_webgpu.md"
          : "give a Python that can import torch"),
      { cause },
    );
  }
}

/**
 * Installs PyTorch's CPU build into `.venv` unless it is there.
 *
 * @param progress Gets a line now and then: what is being done.
 */
async function ensureTorch(progress: (line: string) => void): Promise<void> {
  await ensureVenv(progress);
  const test = `import torch; assert torch.__version__.split("+")[0] == "${TORCH}"`;
  if ((await run(VENV_PYTHON, [...ISOLATED, "-c", test])).code === 0) return;
  progress(`PyTorch ${TORCH}: installing into .venv (once; 200 MB)`);
  // On Linux the CPU build is the one marked +cpu, which only PyTorch's own index has; elsewhere there is no other.
  const wanted = `torch==${TORCH}${Deno.build.os === "linux" ? "+cpu" : ""}`;
  const pip = ["install", "--disable-pip-version-check", "--no-input", "--quiet", wanted];
  const { code, stderr } = await run(VENV_PYTHON, shielded("pip", ...pip));
  if (code === 0) return;
  const reason = stderr.split("\n").filter((line) => line.startsWith("ERROR: ")).at(-1);
  throw new UsageError(
    "--peer",
    "torch",
    `PyTorch cannot be installed (${reason ?? lastLine(stderr)}): ` +
      "set PIP_EXTRA_INDEX_URL to PyTorch's index of CPU builds, or leave out --peer",
  );
}
