/**
 * The project's own Jupyter: a Python virtual environment in `.venv` with the packages that
 * `notebooks/requirements.txt` pins, and this Deno as its notebook kernel. Nothing outside the
 * checkout is written or changed.
 */
import { UsageError } from "../errors.ts";
import { exists, writeAtomically } from "../run/files.ts";
import { ROOT } from "../run/provenance.ts";
import { sha256 } from "../tensor/digest.ts";

const VENV = `${ROOT}.venv`;
const REQUIREMENTS = `${ROOT}notebooks/requirements.txt`;
const KERNELSPEC = `${VENV}/share/jupyter/kernels/deno/kernel.json`;
/** Holds the hash of the requirements that are installed; written last. */
const STAMP = `${VENV}/requirements.sha256`;

/** The virtual environment's Python. The tasks' `--allow-run` lists name it. */
export const VENV_PYTHON = `${VENV}/bin/python`;
/** The Python that makes the virtual environment. The tasks' `--allow-run` lists name it. */
const PYTHON = "python3";
const OLDEST_PYTHON = [3, 10] as const;

/** Speed, not results: the flags of the tasks, for the kernel. */
export const V8_FLAGS = "--experimental-wasm-revectorize,--no-wasm-bounds-checks";

/** Said after everything that keeps Jupyter from being installed. */
const AGAIN = "then run deno task notebooks";

/** Environment variables that keep Jupyter inside `.venv`. */
export const JUPYTER_ENV: Readonly<Record<string, string>> = {
  JUPYTER_PREFER_ENV_PATH: "1",
  JUPYTER_DATA_DIR: `${VENV}/user/data`,
  JUPYTER_CONFIG_DIR: `${VENV}/user/config`,
  JUPYTER_RUNTIME_DIR: `${VENV}/user/runtime`,
  IPYTHONDIR: `${VENV}/user/ipython`,
};

/** Whether Jupyter is installed as required: doctor's question. */
export function isVenvReady(): boolean {
  return exists(VENV_PYTHON) && exists(STAMP) &&
    Deno.readTextFileSync(STAMP) === requirementsHash();
}

/**
 * Sets up `.venv` unless it is as required already. An interrupted set-up is taken up; two at once
 * wait for one another.
 *
 * Throws a UsageError with the remedy if there is no Python >= 3.10, if it cannot make virtual
 * environments, or if the packages cannot be fetched.
 *
 * @param progress Gets a line now and then: what is being done.
 */
export async function ensureVenv(progress: (line: string) => void): Promise<void> {
  // Started too: the Python that the environment was made with may be gone.
  const isReady = async () => isVenvReady() && await isUsable(VENV_PYTHON);
  if (!await isReady()) {
    Deno.mkdirSync(`${ROOT}.cache`, { recursive: true });
    using lock = await Deno.open(`${ROOT}.cache/venv.lock`, { create: true, write: true });
    await lock.lock(true);
    if (!await isReady()) await install(progress);
  }
  configure();
}

function requirementsHash(): string {
  return sha256(Deno.readFileSync(REQUIREMENTS));
}

async function install(progress: (line: string) => void): Promise<void> {
  progress("Jupyter: setting up .venv (once; a minute or two)");
  if (!await isUsable(VENV_PYTHON)) await makeVenv();
  const total = Deno.readTextFileSync(REQUIREMENTS).split("\n").filter((l) => /^\w/.test(l)).length;
  let collected = 0;
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    .concat("--no-input", "--retries", "2", "--timeout", "30", "--requirement", REQUIREMENTS);
  const { success, stderr } = await run(VENV_PYTHON, pip, (line) => {
    if (/^(Collecting|Processing) /.test(line)) {
      collected += 1;
      if (collected % 10 === 0) progress(`Jupyter: ${collected} of about ${total} packages`);
    } else if (line.startsWith("Installing ")) {
      progress("Jupyter: installing the packages");
    }
  });
  if (!success) throw pipError(stderr);
  writeAtomically(STAMP, new TextEncoder().encode(requirementsHash()));
  progress("Jupyter: ready");
}

function pipError(stderr: string): UsageError {
  if (UNREACHABLE.test(stderr)) {
    return new UsageError(
      "Jupyter",
      "the registry of Python packages cannot be reached",
      `connect, or set PIP_INDEX_URL to a mirror, ${AGAIN}`,
    );
  }
  const errors = stderr.split("\n").filter((line) => line.startsWith("ERROR: "));
  const reason = (errors.at(-1) ?? lastLine(stderr)).replace("ERROR: ", "");
  return new UsageError("Jupyter", reason, `not installed: mend that, ${AGAIN}`);
}

/** How pip's warnings read when it retries a connection. */
const UNREACHABLE = /Retrying \(Retry\(|Max retries exceeded/;

async function makeVenv(): Promise<void> {
  const oldest = OLDEST_PYTHON.join(".");
  if (!await isUsable(PYTHON)) {
    const remedy = `install Python >= ${oldest} as ${PYTHON} on the PATH, ${AGAIN}`;
    throw new UsageError("Python", `no ${PYTHON} >= ${oldest}`, remedy);
  }
  const { success, stdout, stderr } = await run(PYTHON, ["-m", "venv", "--clear", VENV]);
  if (success) return;
  const reason = (stdout + stderr).includes("ensurepip") ? "no ensurepip" : lastLine(stderr);
  throw new UsageError(
    `${PYTHON} -m venv`,
    reason,
    `install Python's venv module (Debian: apt install python3-venv), ${AGAIN}`,
  );
}

/** True if it starts and is new enough. */
async function isUsable(python: string): Promise<boolean> {
  try {
    const test = `import sys; sys.exit(sys.version_info < (${OLDEST_PYTHON.join(", ")}))`;
    return (await run(python, ["-c", test])).success;
  } catch (error) {
    // NotCapable: a name on the task's --allow-run list that was not on the PATH at the start.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) {
      return false;
    }
    throw error;
  }
}

/** Makes this Deno the kernel "deno" of `.venv`; its path changes when Deno is updated. */
function configure(): void {
  const spec = JSON.stringify(
    {
      argv: [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"],
      display_name: "Deno",
      language: "typescript",
      env: { DENO_V8_FLAGS: V8_FLAGS, NO_COLOR: "1" },
    },
    null,
    2,
  );
  writeIfChanged(KERNELSPEC, spec);
  // No question at the first start, and no look-up on the network.
  const notification = { fetchNews: "false", checkForUpdates: false };
  writeIfChanged(
    `${VENV}/share/jupyter/lab/settings/overrides.json`,
    JSON.stringify({ "@jupyterlab/apputils-extension:notification": notification }),
  );
}

function writeIfChanged(path: string, text: string): void {
  if (exists(path) && Deno.readTextFileSync(path) === text) return;
  writeAtomically(path, new TextEncoder().encode(text));
}

async function run(program: string, args: string[], onLine: (line: string) => void = () => {}) {
  const child = new Deno.Command(program, { args, stdout: "piped", stderr: "piped" }).spawn();
  const stdout = async () => {
    let text = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + part).slice(text.lastIndexOf("\n") + 1).split("\n");
      text += part;
      lines.slice(0, -1).forEach(onLine);
    }
    return text;
  };
  const [out, err, { success }] = await Promise.all([
    stdout(),
    new Response(child.stderr).text(),
    child.status,
  ]);
  return { success, stdout: out, stderr: err };
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)!.trim();
}
