/**
 * What is fetched by number, from 0 on, in order: some of it is under way before it is asked for.
 *
 * @param ahead how many are under way at once
 */
export async function* readAhead<Item>(
  count: number,
  ahead: number,
  fetch: (number: number) => Promise<Item>,
): AsyncGenerator<Item, void> {
  const underWay: Promise<Item>[] = [];
  for (let next = 0; next < count || underWay.length > 0; ) {
    while (next < count && underWay.length < ahead) {
      const fetching = fetch(next++);
      // Whoever stops early never looks at the others.
      fetching.catch(() => undefined);
      underWay.push(fetching);
    }
    const first = underWay.shift();
    if (first !== undefined) yield await first;
  }
}
