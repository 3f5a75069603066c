/**
 * The one place that talks to the Jupyter kernel.
 */
import type { MimeBundle } from "./mime.ts";

/** True inside a notebook's kernel. */
export function inJupyter(): boolean {
  return kernel() !== null;
}

/** Shows the bundle below the running cell; with an id, `updateDisplay` can change it later. */
export async function display(bundle: MimeBundle, id?: string): Promise<void> {
  await kernel()?.broadcast("display_data", content(bundle, id));
}

/** Replaces what `display` showed under the id. */
export async function updateDisplay(bundle: MimeBundle, id: string): Promise<void> {
  await kernel()?.broadcast("update_display_data", content(bundle, id));
}

/**
 * Waits until what was shown has left the kernel. The kernel may report a cell finished before its
 * last output is on the way, and whoever executes the notebook then drops that output.
 */
export async function flush(): Promise<void> {
  if (inJupyter()) await new Promise((resolve) => setTimeout(resolve, FLUSH_MILLISECONDS));
}

const FLUSH_MILLISECONDS = 25;

type Kernel = typeof Deno.jupyter;

function kernel(): Kernel | null {
  try {
    return Deno.jupyter;
  } catch {
    // Elsewhere the mere access throws.
    return null;
  }
}

function content(data: MimeBundle, id: string | undefined): Record<string, unknown> {
  return { data, metadata: {}, transient: id === undefined ? {} : { display_id: id } };
}
