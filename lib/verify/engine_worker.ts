/** The engine in a page: a Worker that trains pinned cells again, or answers a playground. */
import { registry } from "../../experiments/registry.ts";
import { sha256 } from "../numeric/digest.ts";
import type { Reply, Request } from "./messages.ts";
import { answerPlayground } from "./playground/playground.ts";
import { recomputeCell, recomputeConclusions } from "./recompute.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(reply: Reply): void;
};

scope.onmessage = async ({ data: request }) => {
  const { id } = request;
  try {
    scope.postMessage(await answer(request));
  } catch (error) {
    scope.postMessage({ type: "failed", id, message: String(error) });
  }
};

async function answer(request: Request): Promise<Reply> {
  const { id } = request;
  if (request.type === "hash") {
    return { type: "hash", id, sha256: sha256(new TextEncoder().encode(request.text)) };
  }
  if (request.type !== "cell" && request.type !== "conclusions") {
    return { id, ...await answerPlayground(request) };
  }
  const { experiment: name, profile } = request;
  const { default: experiment } = await registry[name]!();
  if (request.type === "conclusions") {
    return { type: "conclusions", id, ...recomputeConclusions(experiment, profile, request.cells) };
  }
  const progress = (done: number, total: number) =>
    scope.postMessage({ type: "progress", id, done, total });
  return { type: "cell", id, ...await recomputeCell(experiment, profile, request.cell, progress) };
}

scope.postMessage({ type: "ready" });
