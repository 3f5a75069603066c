import { elementOf } from "./dom.ts";
import type { Reply, Request } from "./messages.ts";

/** A request without the number by which its answer is known. */
type Question = Request extends infer R ? R extends Request ? Omit<R, "id"> : never : never;
/** What answers a question of type T. */
type Answer<T extends Reply["type"]> = Extract<Reply, { readonly type: T }>;

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
  progress(done: number, total: number): void;
}

/** The text that the element of this id carries, packed by `packed`. */
export async function unpacked(id: string): Promise<string> {
  return new TextDecoder().decode(await unpackedBytes(id));
}

/** As `unpacked`, of bytes. */
export async function unpackedBytes(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const base64 = elementOf(id).textContent;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The engine in a Worker of the page, so that the page stays alive while it computes. */
export class PageEngine {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #requests = 0;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#receive(data);
    worker.onerror = ({ message }) => this.#fail(message || "the engine has ended");
  }

  /** Starts it from its script. Throws an Error that says why where that cannot be done here. */
  static start(script: string): Promise<PageEngine> {
    const forbidden = new Error(
      "this page may not start a Worker: a policy (Content-Security-Policy) or the frame around it forbids it. " +
        "Open the file itself in a browser.",
    );
    return new Promise((resolve, reject) => {
      try {
        const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
        // A classic script: a module's Worker does not start from a file's page everywhere.
        const worker = new Worker(url, { name: "engine" });
        worker.onmessage = () => {
          URL.revokeObjectURL(url);
          resolve(new PageEngine(worker));
        };
        // Where a policy forbids it there is no message.
        worker.onerror = ({ message }) =>
          reject(message ? new Error(`the engine does not start here: ${message}`) : forbidden);
      } catch {
        reject(forbidden);
      }
    });
  }

  /** Asks for something; rejects with what went wrong, and when the engine is stopped. */
  ask<T extends Question>(
    question: T,
    progress: Waiting["progress"] = () => {},
  ): Promise<Answer<T["type"]>> {
    const id = this.#requests++;
    return new Promise((resolve, reject) => {
      const answered = (reply: Reply) => resolve(reply as Answer<T["type"]>);
      this.#waiting.set(id, { resolve: answered, reject, progress });
      this.#worker.postMessage({ ...question, id });
    });
  }

  /** Ends it, whatever it does. */
  stop(): void {
    this.#worker.terminate();
    this.#fail("stopped");
  }

  #receive(reply: Reply): void {
    if (reply.type === "ready") return;
    const waiting = this.#waiting.get(reply.id)!;
    if (reply.type === "progress") return waiting.progress(reply.done, reply.total);
    this.#waiting.delete(reply.id);
    if (reply.type === "failed") waiting.reject(new Error(reply.message));
    else waiting.resolve(reply);
  }

  #fail(message: string): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new Error(message));
  }
}
