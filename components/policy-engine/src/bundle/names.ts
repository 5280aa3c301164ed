interface Named {
  readonly file: string;
}

/** Whether files stand in the order of their names, each once: the hash of a bundle rests on it. */
export function inOrder(files: readonly Named[]): boolean {
  return files.every(({ file }, index) => index === 0 || file > (files[index - 1]?.file ?? ''));
}

/** Names that are one where capitals make no difference: checked out there, the one file takes the other's place. */
export function alikeNames(files: readonly Named[]): readonly (readonly [string, string])[] {
  const first = new Map<string, string>();
  return files.flatMap(({ file }) => {
    const known = first.get(file.toLowerCase());
    if (known === undefined) first.set(file.toLowerCase(), file);
    return known === undefined || known === file ? [] : [[known, file] as const];
  });
}
