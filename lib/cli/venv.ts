/**
 * Python virtual environments inside the checkout: nothing outside it is written or changed. The project's own Jupyter
 * is one, in `.venv`, with the packages that `notebooks/requirements.txt` pins and this Deno as its notebook kernel.
 */
import { UsageError } from "../errors.ts";
import { exists, writeAtomically } from "../run/files.ts";
import { ROOT } from "../root.ts";
import { sha256 } from "../numeric/digest.ts";
import { FAST_V8_FLAGS } from "./tasks.ts";
import {
  AGAIN,
  findPython,
  ISOLATED,
  probe,
  pythonOf,
  reasonIn,
  run,
  shielded,
  unfit,
} from "./python.ts";

/** A virtual environment and what it should hold. */
export interface Venv {
  readonly folder: string;
  /** pip's file of requirements. */
  readonly requirements: string;
  /** What it is for; default: Jupyter. */
  readonly purpose?: VenvPurpose;
}

/** What packages are for. */
interface Purpose {
  /** As messages call it. */
  readonly title: string;
  /** The end of a remedy: "then run deno task ...". */
  readonly again: string;
}

/** Packages that are only downloaded. */
export interface Packages extends Purpose {
  /** pip's file of requirements. */
  readonly requirements: string;
}

/** What a virtual environment is for. */
export interface VenvPurpose extends Purpose {
  /** Whether pip also installs what the packages require. */
  readonly dependencies: boolean;
  /** Whether this Deno becomes its notebook kernel. */
  readonly kernel: boolean;
}

const JUPYTER: VenvPurpose = { title: "Jupyter", again: AGAIN, dependencies: true, kernel: true };

const KIT: Venv = {
  folder: `${ROOT}.venv`,
  requirements: `${ROOT}notebooks/requirements.txt`,
};

/** The Python of `.venv`. The tasks' `--allow-run` lists name it. */
export const VENV_PYTHON = pythonOf(KIT.folder);

/** Whether what `venv` should hold (default: Jupyter) is installed: doctor's question, which starts nothing. */
export function isVenvReady(venv: Venv = KIT): boolean {
  return exists(pythonOf(venv.folder)) && readStamp(venv)?.requirements === requirementsOf(venv);
}

/**
 * Sets up `.venv` unless it is as required already: one whose Python is gone, or that was made by another kind of
 * Python or on another machine, is made anew. Two at once wait for one another.
 *
 * Throws a UsageError with the remedy if there is no Python >= 3.10, if it cannot make virtual
 * environments, or if the packages cannot be fetched.
 *
 * @param progress Gets a line now and then: what is being done.
 */
export async function ensureVenv(
  progress: (line: string) => void,
  venv: Venv = KIT,
): Promise<void> {
  if (!await isReady(venv)) {
    Deno.mkdirSync(`${ROOT}.cache`, { recursive: true });
    using lock = await Deno.open(`${ROOT}.cache/venv.lock`, { create: true, write: true });
    await lock.lock(true);
    if (!await isReady(venv)) await install(progress, venv);
  }
  if (purposeOf(venv).kernel) configure(venv);
}

/** What is installed; written last. */
interface Stamp {
  /** Of the Python. */
  readonly abi: string;
  /** Their hash. */
  readonly requirements: string;
}

function purposeOf({ purpose = JUPYTER }: Venv): VenvPurpose {
  return purpose;
}

function stampPath({ folder }: Venv): string {
  return `${folder}/installed.txt`;
}

function readStamp(venv: Venv): Stamp | undefined {
  const path = stampPath(venv);
  if (!exists(path)) return undefined;
  const [requirements = "", abi = ""] = Deno.readTextFileSync(path).split("\n");
  return { requirements, abi };
}

function requirementsOf({ requirements }: Venv): string {
  return sha256(Deno.readFileSync(requirements));
}

async function isReady(venv: Venv): Promise<boolean> {
  return readStamp(venv)?.requirements === requirementsOf(venv) && await isWhole(venv);
}

/** Whether the Python of `venv` is the one that its packages were installed for. */
async function isWhole(venv: Venv): Promise<boolean> {
  const python = pythonOf(venv.folder);
  const found = await probe(python);
  if (found.state === "refused") throw unfit(python, found, purposeOf(venv).again);
  return found.state === "fit" && found.isVenv && found.abi === readStamp(venv)?.abi;
}

async function install(progress: (line: string) => void, venv: Venv): Promise<void> {
  const { title, dependencies } = purposeOf(venv);
  progress(`${title}: setting up ${inCheckout(venv.folder)} (once; a minute or two)`);
  if (!await isWhole(venv)) await makeVenv(venv);
  const python = pythonOf(venv.folder);
  const args = [...dependencies ? [] : ["--no-deps"], "--requirement", venv.requirements];
  await pip(progress, python, "install", args, { ...purposeOf(venv), ...venv });
  const found = await probe(python);
  if (found.state !== "fit") throw new Error(`${python}: ${found.state} after the installation`);
  const stamp = `${requirementsOf(venv)}\n${found.abi}\n`;
  writeAtomically(stampPath(venv), new TextEncoder().encode(stamp));
  progress(`${title}: ready`);
}

/**
 * Downloads packages, but not what they require, into a folder.
 *
 * Throws a UsageError with the remedy if they cannot be fetched.
 *
 * @param python Of a virtual environment.
 */
export async function downloadPackages(
  progress: (line: string) => void,
  python: string,
  packages: Packages,
  folder: string,
): Promise<void> {
  const args = ["--no-deps", "--requirement", packages.requirements, "--dest", folder];
  await pip(progress, python, "download", args, packages);
}

async function pip(
  progress: (line: string) => void,
  python: string,
  verb: "install" | "download",
  args: readonly string[],
  packages: Packages,
): Promise<void> {
  const { requirements, title } = packages;
  const total = Deno.readTextFileSync(requirements).split("\n")
    .filter((line) => /^\w/.test(line)).length;
  let collected = 0;
  const quiet = ["--disable-pip-version-check", "--progress-bar", "off", "--no-input"];
  const { code, stderr } = await run(python, shielded("pip", verb, ...quiet, ...args), (line) => {
    if (/^(Collecting|Processing) /.test(line)) {
      collected += 1;
      if (collected % 10 === 0) progress(`${title}: ${collected} of about ${total} packages`);
    } else if (line.startsWith("Installing ")) {
      progress(`${title}: installing the packages`);
    }
  });
  if (code !== 0) throw pipError(stderr, packages);
}

function inCheckout(path: string): string {
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : path;
}

function pipError(stderr: string, { title, again }: Purpose): UsageError {
  if (UNREACHABLE.test(stderr)) {
    return new UsageError(
      title,
      "the registry of Python packages cannot be reached",
      `connect, or set PIP_INDEX_URL to a mirror, ${again}`,
    );
  }
  const errors = stderr.split("\n").filter((line) => line.startsWith("ERROR: "));
  const reason = (errors.at(-1) ?? reasonIn(stderr)).replace("ERROR: ", "");
  return new UsageError(title, reason, `not installed: mend that, ${again}`);
}

/** How pip's warnings read when it retries a connection. */
const UNREACHABLE = /Retrying \(Retry\(|Max retries exceeded/;

async function makeVenv(venv: Venv): Promise<void> {
  const { again } = purposeOf(venv);
  const python = await findPython(undefined, again);
  const args = [...ISOLATED, "-m", "venv", "--clear", venv.folder];
  const { code, stdout, stderr } = await run(python, args);
  if (code === 0) return;
  const output = stdout + stderr;
  const needsModule = /ensurepip|No module named '?venv/.test(output);
  throw new UsageError(
    `${python} -m venv`,
    needsModule ? "no ensurepip" : reasonIn(output),
    needsModule
      ? `install Python's venv module (Debian: apt install python3-venv), ${again}`
      : `mend that, ${again}`,
  );
}

/** Makes this Deno the kernel "deno" of `.venv`; its path changes when Deno is updated. */
function configure({ folder }: Venv): void {
  const spec = JSON.stringify(
    {
      argv: [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"],
      display_name: "Deno",
      language: "typescript",
      env: { ...kernelFlags(), NO_COLOR: "1" },
    },
    null,
    2,
  );
  writeIfChanged(`${folder}/share/jupyter/kernels/deno/kernel.json`, spec);
  // No question at the first start, and no look-up on the network.
  const notification = { fetchNews: "false", checkForUpdates: false };
  writeIfChanged(
    `${folder}/share/jupyter/lab/settings/overrides.json`,
    JSON.stringify({ "@jupyterlab/apputils-extension:notification": notification }),
  );
}

function writeIfChanged(path: string, text: string): void {
  if (exists(path) && Deno.readTextFileSync(path) === text) return;
  writeAtomically(path, new TextEncoder().encode(text));
}

/** For speed: those of the fast flags that this very process was started with, for V8 knows them. */
function kernelFlags(): { DENO_V8_FLAGS?: string } {
  const active = Deno.env.get("DENO_V8_FLAGS")?.split(",") ?? [];
  const flags = FAST_V8_FLAGS.filter((flag) => active.includes(flag));
  return flags.length > 0 ? { DENO_V8_FLAGS: flags.join(",") } : {};
}
