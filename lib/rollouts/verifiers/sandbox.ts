import { UsageError } from "../../errors.ts";
import { printable } from "../printable.ts";
import type { SandboxReply, SandboxRequest } from "./sandbox_worker.ts";
import type { Verdict, Verifier, VerifierTask } from "./verifier.ts";

/** How long a response may take, and loading the file, in milliseconds. */
export interface SandboxLimits {
  readonly verdict: number;
  readonly load: number;
}

const LIMITS: SandboxLimits = { verdict: 10_000, load: 60_000 };

/** A verifier's file, and what results call it. */
export interface VerifierFile {
  readonly name: string;
  readonly digest: string;
  /** A file: URL. */
  readonly url: string;
}

/**
 * The verifier that a file exports by default (a `VerifierFunction`), run in a Worker that has no permission: no file, no
 * network, no environment, no program. One that throws, or takes longer than ten seconds for a response, gives outcome 0
 * and says why; its Worker is then started anew.
 *
 * @throws UsageError where the file cannot be loaded or exports no function.
 */
export async function openSandbox(file: VerifierFile, limits = LIMITS): Promise<Verifier> {
  let worker: Worker | undefined = await start(file, limits.load);
  /** Responses are graded one after the other. */
  let last: Promise<unknown> = Promise.resolve();

  const grade = async (request: SandboxRequest): Promise<Verdict> => {
    worker ??= await start(file, limits.load);
    worker.postMessage(request);
    const reply = await nextReply(worker, limits.verdict);
    if (reply === undefined || reply.kind === "died") {
      worker.terminate();
      worker = undefined;
      return failed(reply?.message ?? `took longer than ${limits.verdict / 1000} s`);
    }
    if (reply.kind === "outcome") return { outcome: reply.outcome };
    if (reply.kind === "failure") return failed(reply.message);
    throw new UsageError(
      "--verifier",
      file.name,
      `it returned ${printable(reply.message, 80)}: return a boolean or a number from 0 to 1`,
    );
  };
  return {
    name: file.name,
    digest: file.digest,
    verify(response: string, task: VerifierTask) {
      const verdict = last.then(() => grade({ response, task }));
      last = verdict.catch(() => {});
      return verdict;
    },
    close: () => worker?.terminate(),
  };
}

function failed(why: string): Verdict {
  return { outcome: 0, failure: printable(why, 200) };
}

async function start({ name, url }: VerifierFile, limit: number): Promise<Worker> {
  const harness = new URL("./sandbox_worker.ts", import.meta.url).href;
  // What a module names by a literal is loaded with it: only so may a Worker without permission import a file.
  const main = `import { serveVerifier } from ${JSON.stringify(harness)};
await serveVerifier(() => import(${JSON.stringify(url)}));`;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(main)}`, {
    type: "module",
    deno: { permissions: "none" },
  });
  const reply = await nextReply(worker, limit);
  if (reply?.kind === "ready") return worker;
  worker.terminate();
  const why = reply && "message" in reply ? reply.message : `not loaded in ${limit / 1000} s`;
  throw new UsageError(
    "--verifier",
    name,
    `${printable(why, 500)}: give a TypeScript file whose default export is a function ` +
      "(response, { groundTruth, prompt }) => number or boolean; it has no permissions",
  );
}

/** The Worker's next message; undefined where the time is over first. */
function nextReply(
  worker: Worker,
  limit: number,
): Promise<SandboxReply | { readonly kind: "died"; readonly message: string } | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), limit);
    worker.onmessage = ({ data }) => {
      clearTimeout(timer);
      resolve(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      clearTimeout(timer);
      resolve({ kind: "died", message: event.message });
    };
  });
}
