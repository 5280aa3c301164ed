/**
 * What is fetched by number, from 0 on, in order: some of it is under way before it is asked for.
 *
 * @param ahead how many are under way at once
 */
export async function* readAhead<Item>(
  count: number,
  ahead: number,
  read: (number: number) => Promise<Item>,
): AsyncGenerator<Item, void> {
  const underWay: Promise<Item>[] = [];
  for (let next = 0; next < count || underWay.length > 0; ) {
    while (next < count && underWay.length < ahead) {
      const reading = read(next++);
      // Whoever stops early never looks at the others.
      reading.catch(() => undefined);
      underWay.push(reading);
    }
    const first = underWay.shift();
    if (first !== undefined) yield await first;
  }
}
