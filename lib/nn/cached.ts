/** What the map has under this key; made, and kept there, on first use. */
export function cached<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (!value) map.set(key, value = make());
  return value;
}
