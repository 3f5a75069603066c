/** Tests that not every machine can run. `deno test --quiet` prints names and what was ignored, and nothing that tests write. */

/** A test, or, where there is a reason not to run it, one that is ignored and has the reason in its name. */
export function testUnless(
  reason: string | undefined,
  name: string,
  fn: Deno.TestDefinition["fn"],
): void {
  const isSkipped = reason !== undefined;
  Deno.test({ name: isSkipped ? `${name} (${skipped(reason)})` : name, ignore: isSkipped, fn });
}

/** Says that a running test is skipped, and why: as an ignored step, whose name is printed. */
export async function skip(t: Deno.TestContext, reason: string): Promise<void> {
  await t.step({ name: skipped(reason), ignore: true, fn() {} });
}

function skipped(reason: string): string {
  return `skipped: ${reason.replaceAll(/\s+/g, " ").slice(0, 200)}`;
}
