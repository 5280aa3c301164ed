const width = 24;

/** `████████░░░░░░░░  4,096 of 12,000 records` */
export function progressBar({ done, of }: { readonly done: number; readonly of: number }, what: string): string {
  const filled = of === 0 ? width : Math.min(width, Math.floor((done / of) * width));
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)}  ${grouped(done)} of ${grouped(of)} ${what}`;
}

/** With thousands separators: `1,000,000`. */
export function grouped(number: number): string {
  return number.toLocaleString('en-GB');
}
