/**
 * An error the user can mend: bad flag, config field, file, permission or machine.
 *
 * The message is one line that names the field, the bad value and the remedy. Commands print it
 * without a stack trace and exit with code 2.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";

  /**
   * @param field What is wrong, as the user wrote it (`--profile`, `config.group`, a path).
   * @param value The offending value.
   * @param remedy What to do about it.
   */
  constructor(field: string, value: unknown, remedy: string, options?: ErrorOptions) {
    const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
    super(`${field}: ${shown}: ${remedy}`, options);
  }
}
