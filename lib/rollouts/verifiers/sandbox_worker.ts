/**
 * The inside of a verifier's sandbox: a Worker without permissions. Its main module imports this first, then the verifier's
 * file, and hands that over to `serveVerifier`.
 */
import type { VerifierTask } from "./verifier.ts";

/** A response to grade. */
export interface SandboxRequest {
  readonly response: string;
  readonly task: VerifierTask;
}

/** "ready" or "unusable" once, first; then what became of each request. */
export type SandboxReply =
  | { readonly kind: "outcome"; readonly outcome: number }
  | {
    readonly kind: "ready" | "unusable" | "no outcome" | "failure";
    readonly message: string;
  };

// Libraries look into the environment to configure themselves: it is empty here, not forbidden.
Object.defineProperty(globalThis.process, "env", { value: {} });
// A verifier's prints must not mix with the command's result on stdout.
console.log = console.info = console.debug = console.error;

// The library of types has a window's globals only.
const scope = self as unknown as {
  onmessage: (event: MessageEvent<SandboxRequest>) => void;
  postMessage(message: SandboxReply): void;
};
const reply = (message: SandboxReply) => scope.postMessage(message);

/** Answers requests with the default export of the module that `load` gives. */
export async function serveVerifier(load: () => Promise<{ default?: unknown }>): Promise<void> {
  let verify: unknown;
  try {
    verify = (await load()).default;
  } catch (error) {
    return reply({ kind: "unusable", message: String(error) });
  }
  if (typeof verify !== "function") {
    return reply({ kind: "unusable", message: `its default export is ${typeof verify}` });
  }
  scope.onmessage = async ({ data: { response, task } }) => {
    try {
      reply(judged(await verify(response, task)));
    } catch (error) {
      reply({ kind: "failure", message: String(error) });
    }
  };
  reply({ kind: "ready", message: "" });
}

function judged(result: unknown): SandboxReply {
  const outcome = typeof result === "boolean" ? Number(result) : result;
  if (typeof outcome === "number" && outcome >= 0 && outcome <= 1) {
    return { kind: "outcome", outcome };
  }
  return { kind: "no outcome", message: `${typeof result} ${String(result)}` };
}
