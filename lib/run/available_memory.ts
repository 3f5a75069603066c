import process from "node:process";

/**
 * Bytes that this process may still use: of the machine's, and of what its batch job or container (cgroup) may have.
 *
 * @param limit Bytes of the job; 0 = no limit. Default: what the system says.
 */
export function availableMemory(
  { available, total }: Pick<Deno.SystemMemoryInfo, "available" | "total"> = Deno
    .systemMemoryInfo(),
  limit = process.constrainedMemory(),
): number {
  // macOS compresses memory and drops caches before it is short of it, and counts neither as available.
  const free = Deno.build.os === "darwin" ? Math.max(available, total / 2) : available;
  return limit > 0 ? Math.min(free, Math.max(0, limit - process.memoryUsage().rss)) : free;
}
