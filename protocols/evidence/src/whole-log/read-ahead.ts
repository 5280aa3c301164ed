/** Reads numbered items in order, with up to `ahead` requests in progress. */
export async function* readAhead<Item>(
  count: number,
  ahead: number,
  read: (number: number) => Promise<Item>,
): AsyncGenerator<Item, void> {
  const underWay: Promise<Item>[] = [];
  for (let next = 0; next < count || underWay.length > 0; ) {
    while (next < count && underWay.length < ahead) {
      const reading = read(next++);
      // A consumer that stops early ignores the others.
      reading.catch(() => undefined);
      underWay.push(reading);
    }
    const first = underWay.shift();
    if (first !== undefined) yield await first;
  }
}
