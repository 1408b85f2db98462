/** Work that is done once for each object, and known as long as the object is there. */
export function perObject<Key extends object, Value>(
  work: (object: Key) => Value,
): (object: Key) => Value {
  const known = new WeakMap<Key, { readonly value: Value }>();
  return (object) => {
    const before = known.get(object);
    if (before) return before.value;
    const value = work(object);
    known.set(object, { value });
    return value;
  };
}
