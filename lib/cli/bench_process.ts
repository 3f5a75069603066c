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
    const permissions = ["--no-prompt", "--allow-read=.", "--allow-write=.cache"];
    return new BenchProcess("the kit", "deno", ["run", ...permissions, "lib/cli/bench_worker.ts"]);
  }

  /** bench_torch.py. */
  static torch(): BenchProcess {
    return new BenchProcess("PyTorch", VENV_PYTHON, ["lib/cli/bench_torch.py"]);
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
    return JSON.parse(line);
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

/**
 * Installs PyTorch's CPU build into `.venv` unless it is there.
 *
 * @param progress Gets a line now and then: what is being done.
 */
export async function ensureTorch(progress: (line: string) => void): Promise<void> {
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
