/** The processes that a benchmark commands: our worker, and the peer's. */
import { UsageError } from "../errors.ts";
import { ROOT } from "../run/provenance.ts";
import type { BenchAnswers, BenchCommand } from "./bench_worker.ts";
import { ensureVenv, VENV_PYTHON } from "./venv.ts";

/** PyTorch's version. */
const TORCH = "2.13.0";

/** A process that answers a line of JSON with a line of JSON. */
export class BenchProcess {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  #rest = "";

  private constructor(readonly name: string, program: string, args: string[]) {
    this.#child = new Deno.Command(program, {
      args,
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(this.#child.stderr).text();
  }

  /** bench_worker.ts. */
  static ours(): BenchProcess {
    // CI: asked by the compiler, where the kernels are not built yet.
    const permissions = ["--no-prompt", "--allow-read=.", "--allow-write=.cache", "--allow-env=CI"];
    return new BenchProcess("the kit", "deno", ["run", ...permissions, "lib/cli/bench_worker.ts"]);
  }

  /** bench_torch.py, run by `python`; "gpu" takes a card where PyTorch has one. */
  static torch(python: string, device: "cpu" | "gpu" = "cpu"): BenchProcess {
    return new BenchProcess("PyTorch", python, ["lib/cli/bench_torch.py", device]);
  }

  /** Throws what the process wrote on stderr, if it ends instead of answering. */
  async ask<C extends BenchCommand>(command: C): Promise<BenchAnswers[C["op"]]> {
    try {
      await this.#input.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    } catch { /* It has ended: reading says so too. */ }
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`${this.name} ended: ${(await this.#errors).trim()}`);
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n"), line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return parseAnswer(this.name, line) as BenchAnswers[C["op"]];
  }

  /** Lets the process end and waits for it. */
  async end(): Promise<void> {
    try {
      await this.#input.close();
    } catch { /* It has ended. */ }
    await this.#lines.cancel();
    await Promise.all([this.#child.status, this.#errors]);
  }
}

/** An answer's JSON object. Throws Error with the line where it is none. */
export function parseAnswer(name: string, line: string): object {
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch { /* refused below */ }
  if (typeof answer !== "object" || answer === null) {
    throw new Error(`${name} answered ${JSON.stringify(line)}, not a JSON object`);
  }
  return answer;
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
      `${cause.message.trim().split("\n").at(-1)}: ` +
        (isForbidden
          ? "put its folder first on the PATH and give --python python3, or see lib/cli/bench_webgpu.md"
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
  if ((await python(["-c", test])).success) return;
  progress(`PyTorch ${TORCH}: installing into .venv (once; 200 MB)`);
  // On Linux the CPU build is the one marked +cpu, which only PyTorch's own index has; elsewhere there is no other.
  const wanted = `torch==${TORCH}${Deno.build.os === "linux" ? "+cpu" : ""}`;
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"];
  const { success, errors } = await python([...pip, wanted]);
  if (success) return;
  const reason = errors.split("\n").filter((line) => line.startsWith("ERROR: ")).at(-1);
  throw new UsageError(
    "--peer",
    "torch",
    `PyTorch cannot be installed (${reason ?? errors.trim().split("\n").at(-1)}): ` +
      "set PIP_EXTRA_INDEX_URL to PyTorch's index of CPU builds, or leave out --peer",
  );
}

async function python(args: string[]): Promise<{ success: boolean; errors: string }> {
  const { success, stderr } = await new Deno.Command(VENV_PYTHON, { args, stdout: "null" })
    .output();
  return { success, errors: new TextDecoder().decode(stderr) };
}
