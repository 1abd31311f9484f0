/**
 * A record with exactly these keys, one value made for each: what must be known of every service is derived from the list of services
 * instead of listing them again.
 * @example recordOf(Services, (service) => `${service}.log`)
 */
export function recordOf<Key extends string, Value>(
  keys: readonly Key[],
  make: (key: Key) => Value,
): Readonly<Record<Key, Value>> {
  const made: Readonly<Record<string, Value>> = Object.fromEntries(keys.map((key) => [key, make(key)]));
  if (!hasAll(made, keys)) {
    throw new TypeError('a key is missing');
  }
  return made;
}

const hasAll = <Key extends string, Value>(
  record: Readonly<Record<string, Value>>,
  keys: readonly Key[],
): record is Readonly<Record<string, Value>> & Readonly<Record<Key, Value>> => keys.every((key) => key in record);
