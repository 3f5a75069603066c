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

/** An error as a message between Workers can carry it: its class would not survive the way. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** What `errorOf` makes the error of again. */
export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: undefined };
  }
  const { name, message, stack } = error;
  return { name, message, stack };
}

const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  RangeError,
  TypeError,
};

/** The error with the class, message and stack that it had on the other side. */
export function errorOf({ name, message, stack }: ErrorData): Error {
  const error = name === "UsageError"
    ? Object.assign(new UsageError("", "", ""), { message })
    : new (CLASSES[name] ?? Error)(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
