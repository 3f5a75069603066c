/** PyTorch beside the WebGPU benchmark: a process for each work, so that what fails there costs that work alone. */
import { BenchProcess } from "./bench_process.ts";
import { median } from "./bench_report.ts";
import type { PeerDescription } from "./bench_webgpu_targets.ts";
import type { BenchCommand, BenchWork } from "./bench_worker.ts";

/** A PyTorch that can be started. */
export interface TorchPeer extends PeerDescription {
  readonly python: string;
}

/** One work of the peer, measured in turns with ours; without a peer, or once it has failed, a turn does nothing. */
export class PeerTurns {
  readonly #milliseconds: number[] = [];
  #process: BenchProcess | undefined;
  #error: string | undefined;

  /** Takes turns in a product of two (n, n) matrices. */
  static async product(
    peer: TorchPeer | undefined,
    command: BenchCommand & { readonly op: "product" },
  ): Promise<PeerTurns> {
    const turns = new PeerTurns();
    if (peer) await turns.#start(peer, async (process) => void await process.ask(command));
    return turns;
  }

  /** Takes turns in a training step. Fails if PyTorch's model has not as many `parameters`. */
  static async training(
    peer: TorchPeer | undefined,
    work: BenchWork,
    parameters: number,
  ): Promise<PeerTurns> {
    const turns = new PeerTurns();
    if (!peer) return turns;
    const isCpu = peer.kind === "cpu";
    let fused = true;
    if (!isCpu) {
      await turns.#start(peer, async (scout) => {
        fused = (await scout.ask({ op: "choose", ...work })).fused;
      });
      await turns.#process?.end();
      if (turns.#error !== undefined) return turns;
    }
    await turns.#start(peer, async (process) => {
      // A CPU takes minutes over what a card does in seconds.
      const command = { op: "prepare", fused, warmUp: isCpu ? 1 : 5, ...work } as const;
      const answer = await process.ask(command);
      if (answer.parameters !== parameters) {
        throw new Error(`the models differ: ${parameters} and ${answer.parameters} parameters`);
      }
    });
    return turns;
  }

  async #start(peer: TorchPeer, prepare: (process: BenchProcess) => Promise<void>): Promise<void> {
    await this.#try(async () => {
      this.#process = BenchProcess.torch(peer.python, "gpu");
      await prepare(this.#process);
    });
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#error = error.message.trim().split("\n").at(-1)!;
      await this.#process?.end();
      this.#process = undefined;
    }
  }

  /** One timing of `together` works in a row. */
  async turn(together: number): Promise<void> {
    const process = this.#process;
    if (!process) return;
    await this.#try(async () => {
      const { milliseconds } = await process.ask({ op: "measure", runs: 1, together });
      this.#milliseconds.push(...milliseconds);
    });
  }

  /** Ends the process. The median of the turns, in milliseconds a work; or why it failed. */
  async end(): Promise<{ peer?: number; peerError?: string }> {
    await this.#process?.end();
    this.#process = undefined;
    if (this.#error !== undefined) return { peerError: this.#error };
    return this.#milliseconds.length > 0 ? { peer: median(this.#milliseconds) } : {};
  }
}
