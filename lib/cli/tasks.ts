/**
 * What each task of deno.json starts: Deno's arguments, with the permissions that the task needs and no others.
 * A new task is one entry here and one line in deno.json.
 */
import { dirname, resolve } from "node:path";
import { UsageError } from "../errors.ts";
import { netHosts } from "./net_hosts.ts";

/** One process of Deno's. */
export interface Step {
  /** Deno's arguments, without the V8 flags. */
  readonly args: readonly string[];
  /** V8 flags, of which those are given that V8 knows; default: `FAST_V8_FLAGS`. */
  readonly v8Flags?: readonly string[];
  /** Variables to set. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What the table needs to know of this machine. */
export interface Surroundings {
  /** Deno's own path: for `--allow-run`. */
  readonly deno: string;
  /** The system's folder for temporary files. */
  readonly temporary: string;
}

type Task = (argv: readonly string[], at: Surroundings) => readonly Step[];

/**
 * The V8 flags that decide the kernels' speed, and no digit: 128-bit SIMD is compiled to 256 bits, and addresses are
 * not checked, which is what lets the compiler do so. V8 has the first on x86-64 only.
 */
export const FAST_V8_FLAGS = [
  "--experimental-wasm-revectorize",
  "--no-wasm-bounds-checks",
] as const;

/** The variable that lists, with commas, what the launcher took out of the environment. */
export const REMOVED = "GENAC_REMOVED_VARIABLES";

/** The programs by which Python may be found; those of the virtual environment, on Unix and on Windows. */
const PYTHON = ["python3", "python", "py", ".venv/bin/python", ".venv/Scripts/python.exe"];
/** That of the local model, likewise. */
const LOCAL_PYTHON = [
  ".cache/local-model/venv/bin/python",
  ".cache/local-model/venv/Scripts/python.exe",
];
/** What is read of the environment; the last is the launcher's. */
const ENV = ["DENO_V8_FLAGS", "CI", REMOVED];

/** GIT_ENVIRONMENT of lib/run/provenance.ts, which would take 30 ms to load at every start; a test holds them together. */
const GIT_ENV = ["HOME", "XDG_CONFIG_HOME", "USERPROFILE", "SYSTEMROOT"];

/** The tests that use the graphics adapter. */
const WEBGPU_TESTS = [
  "lib/backend/webgpu",
  "kernels/wgsl",
  "experiments/scaling/webgpu_test.ts",
  "experiments/llm/webgpu_test.ts",
];

/** The tasks by name. */
export const TASKS: Readonly<Record<string, Task>> = {
  reproduce: (argv) => [script("cli/reproduce", argv, {
    read: [".", ...valuesOf(argv, "--out"), ...valuesOf(argv, "--adopt")],
    write: [
      ...["runs", "reports", ".cache", ".venv"],
      ...argv.includes("--update-pins") ? ["experiments"] : [],
      ...valuesOf(argv, "--out"),
    ],
    run: ["git", ...PYTHON],
    env: [...ENV, ...GIT_ENV],
    sys: ["cpus", "hostname", "systemMemoryInfo"],
  })],
  setup: (argv, at) => [script("cli/setup", argv, {
    read: [".", at.deno],
    write: [".cache", ".venv"],
    run: PYTHON,
    env: ENV,
  })],
  cells: (argv) => [script("cli/cells", argv, reading(argv))],
  progress: (argv) => [script("cli/progress", argv, reading(argv))],
  notebooks: (argv) => [script("cli/notebooks", argv, {
    read: ["."],
    write: [".venv", ".cache", "reports", "notebooks"],
    run: PYTHON,
    env: ENV,
  })],
  site: (argv, at) => [script("cli/site", argv, {
    read: ["."],
    write: [".venv", ".cache", "reports"],
    run: [...PYTHON, at.deno],
    env: ENV,
  })],
  lab: (argv) => [script("cli/lab", argv, {
    read: ["."],
    write: [".venv", ".cache"],
    run: PYTHON,
    env: ENV,
  })],
  "local-model": (argv) => [script("cli/local_model", argv, {
    read: ["."],
    write: [".cache"],
    run: [
      ...["python3", "python", "py"],
      ...LOCAL_PYTHON,
    ],
    env: ENV,
  })],
  "probe-server": (argv) => [script("cli/probe_server", argv, {
    read: ["."],
    write: [".cache"],
    env: [...ENV, ...keyVariables(argv)],
    net: netHosts(argv),
  })],
  values: (argv) => [script("cli/values", argv, {
    read: [
      ...[".", ...valuesOf(argv, "--rollouts"), ...valuesOf(argv, "--out")],
      // What stands beside them is read, too.
      ...["--tokenizer", "--verifier"].flatMap((flag) =>
        valuesOf(argv, flag).flatMap((path) => [path, dirname(path)])
      ),
      ...["--recording", "--pretrained", "--adapter"].flatMap((flag) => valuesOf(argv, flag)),
    ],
    write: ["runs", ".cache", ...valuesOf(argv, "--out"), ...valuesOf(argv, "--recording")],
    env: [...ENV, ...keyVariables(argv)],
    net: argv.includes("--replay") ? [] : netHosts(valuesOf(argv, "--server")),
    sys: givenTo(argv, "--pretrained").length > 0 ? ["systemMemoryInfo"] : [],
  })],
  evaluate: (argv) => {
    const critics = criticsOf(argv);
    const models = critics.flatMap((name) => /^onnx(?:-llm)?:(.+)/.exec(name)?.[1] ?? []);
    const own = critics.flatMap((name) => /^(?:pretrained|adapter):(.+)/.exec(name)?.[1] ?? []);
    return [script("cli/evaluate", argv, {
      read: [
        ...[".", ...valuesOf(argv, "--rollouts"), ...valuesOf(argv, "--recording")],
        ...[...own, ...valuesOf(argv, "--base")],
        // What stands beside them is read, too.
        ...[...valuesOf(argv, "--tokenizer"), ...models].flatMap((path) => [path, dirname(path)]),
      ],
      write: ["runs", "reports", ".cache", ".venv", ...valuesOf(argv, "--recording")],
      run: PYTHON,
      env: [...ENV, ...keyVariables(argv)],
      net: argv.includes("--replay") ? [] : netHosts(critics),
      ffi: models.length > 0 ? ["node_modules"] : [],
      sys: own.length > 0 ? ["systemMemoryInfo"] : [],
    })];
  },
  "check:notebooks": (argv, at) => [script("cli/check_notebooks", argv, {
    read: ["."],
    write: [".cache", "notebooks"],
    run: [at.deno],
    env: ENV,
  })],
  doctor: (argv, at) => [script("cli/doctor", argv, {
    read: ["."],
    write: [".cache"],
    run: ["git", ...PYTHON, at.deno],
    env: "all",
    sys: ["cpus", "systemMemoryInfo"],
    ffi: ["node_modules"],
  })],
  readme: (argv) => [script("cli/readme", argv, {
    read: ["."],
    write: ["README.md", "experiments"],
    env: ENV,
  })],
  export: (argv) => {
    const folders = valuesOf(argv, "--out").map((path) => resolve(path));
    return [script("cli/export", argv, {
      read: [".", ...valuesOf(argv, "--from"), ...folders.map((path) => dirname(path))],
      // The second is what becomes the first when it is whole.
      write: [".cache", ...folders.flatMap((path) => [path, `${path}.tmp`])],
      env: ENV,
    })];
  },
  bench: (argv, at) => [script("bench/bench", argv, {
    read: [".", ...valuesOf(argv, "--language-model")],
    write: ["reports", ".cache", ".venv", ...valuesOf(argv, "--out").map((path) => dirname(path))],
    run: [...PYTHON, ...LOCAL_PYTHON, ...valuesOf(argv, "--python"), at.deno],
    env: ENV,
    sys: ["cpus", "loadavg"],
  })],
  test: (argv, at) =>
    argv.length > 0 ? [tests(argv, at)] : [
      tests([`--ignore=${WEBGPU_TESTS.join(",")}`], at),
      // With bounds checks, which the flags leave out: a wrong address is found here.
      { ...tests(["lib/backend/wasm", "lib/nn", "kernels/wasm"], at), v8Flags: [] },
      ...TASKS["test:webgpu"]!([], at),
    ],
  // By themselves and without OpenGL, whose library has been seen to crash the process at exit.
  "test:webgpu": (argv, at) => [{
    args: [
      ...["test", "--quiet", "--allow-read", `--allow-write=.cache,${at.temporary}`],
      ...["--allow-env", "--allow-run=git", "--allow-sys=cpus,systemMemoryInfo"],
      "--allow-ffi=node_modules", // Dawn
      ...WEBGPU_TESTS,
      ...argv,
    ],
    v8Flags: [],
    env: { TMPDIR: at.temporary },
  }],
};

function tests(args: readonly string[], { temporary }: Surroundings): Step {
  return {
    args: [
      ...["test", "--quiet", "--allow-read"],
      `--allow-write=runs,reports,notebooks,.cache,.venv,${temporary}`,
      ...["--allow-run", "--allow-env", "--allow-sys", "--allow-ffi", "--allow-net=127.0.0.1"],
      ...args,
    ],
    v8Flags: [...FAST_V8_FLAGS, "--no-liftoff"],
    env: { TMPDIR: temporary },
  };
}

type Granted = readonly string[] | "all";
type Permissions =
  & Readonly<Record<"read" | "write" | "env", Granted>>
  & Readonly<Partial<Record<"run" | "sys" | "ffi" | "net", Granted>>>;

/**
 * Of a task that looks at runs, whose files' dates it compares with that of one of its own. By the machine's name it knows
 * which processes it can see the end of.
 */
function reading(argv: readonly string[]): Permissions {
  const out = valuesOf(argv, "--out");
  return {
    read: [".", ...out],
    write: ["runs", ...out],
    env: ENV,
    sys: ["hostname", "systemMemoryInfo"],
  };
}

/** `lib/NAME.ts` with these permissions and nothing else. */
function script(name: string, argv: readonly string[], permissions: Permissions): Step {
  // To Deno an empty list is everything.
  const granted = Object.entries<Granted>(permissions).filter(([, { length }]) => length > 0)
    .map(([kind, values]) => `--allow-${kind}${values === "all" ? "" : `=${values.join(",")}`}`);
  return { args: ["run", "--quiet", "--no-prompt", ...granted, `lib/${name}.ts`, ...argv] };
}

/** The environment variables in which the key of a language model's server may be. */
function keyVariables(argv: readonly string[]): string[] {
  return ["OPENAI_API_KEY", ...valuesOf(argv, "--api-key-variable")];
}

/** The critics to evaluate: a list, parted by commas. */
function criticsOf(argv: readonly string[]): string[] {
  return givenTo(argv, "--critic").flatMap((value) => value.split(","));
}

/** The values of a flag of text. Throws a UsageError for one that Deno's permission lists cannot hold. */
function valuesOf(argv: readonly string[], flag: string): string[] {
  const values = givenTo(argv, flag);
  const refused = values.find((value) => value.includes(","));
  if (refused === undefined) return values;
  throw new UsageError(flag, refused, "Deno cannot grant a path with a comma: give another");
}

function givenTo(argv: readonly string[], flag: string): string[] {
  return argv.flatMap((argument, i) =>
    argument === flag
      ? argv[i + 1] ?? []
      : argument.startsWith(`${flag}=`)
      ? argument.slice(flag.length + 1)
      : []
  ).filter((value) => value !== "" && !value.startsWith("-"));
}
