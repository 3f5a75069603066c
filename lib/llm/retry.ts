/** How often a request is tried again: `RETRIES` of OpenAI's client libraries. */
export const RETRIES = 2;

/** The longest wait that a server may ask for; a longer wish is answered by the usual wait. */
const LONGEST_WISH_MS = 60_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** The share of a wait that chance may take off, so that clients that were refused together do not come back together. */
const JITTER = 0.25;

/** What waiting needs of the outside; tests bring their own. */
export interface RetryClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Rejects with the signal's reason where it is aborted before. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The system's clock and chance: they decide only when something is asked again. */
export const SYSTEM_CLOCK: RetryClock = {
  now: Date.now,
  random: Math.random,
  sleep: (milliseconds, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) return Promise.reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", abort, { once: true });
    return promise;
  },
};

/** Whether an answer with this status is worth asking for again; `x-should-retry` decides where the server sends it. */
export function isRetryable(status: number, headers: Headers): boolean {
  switch (headers.get("x-should-retry")) {
    case "true":
      return true;
    case "false":
      return false;
    default:
      return [408, 409, 429].includes(status) || status >= 500;
  }
}

/**
 * Milliseconds to wait before trying again: what the server asks for (`retry-after-ms`, or `retry-after` as seconds or as
 * a date) up to a minute, else half a second doubled with each retry up to 8 s, less up to a quarter by chance.
 *
 * @param retry 0 before the first retry.
 * @param headers The answer's; absent where there was none.
 */
export function retryWait(retry: number, headers: Headers | undefined, clock: RetryClock): number {
  const wish = headers && wishedWait(headers, clock.now());
  if (wish !== undefined && wish >= 0 && wish <= LONGEST_WISH_MS) return wish;
  const wait = Math.min(FIRST_WAIT_MS * 2 ** retry, LONGEST_WAIT_MS);
  return wait * (1 - JITTER * clock.random());
}

function wishedWait(headers: Headers, now: number): number | undefined {
  const milliseconds = numberIn(headers.get("retry-after-ms"));
  if (milliseconds !== undefined) return milliseconds;
  const after = headers.get("retry-after");
  const seconds = numberIn(after);
  if (seconds !== undefined) return 1000 * seconds;
  const date = Date.parse(after ?? "");
  return Number.isNaN(date) ? undefined : date - now;
}

function numberIn(text: string | null): number | undefined {
  return text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}
