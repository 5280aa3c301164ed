/** A list of arguments as JSON: of our processes alone, so it is never taken for what a client sends. */
export const callMediaType = 'application/vnd.countersign.call+json';

export function callPath({ contract, method }: { readonly contract: string; readonly method: string }): string {
  return `/calls/${contract}/${method}`;
}
