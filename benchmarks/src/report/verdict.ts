import { times } from './table.ts';

export type Expectation = { readonly atLeast: number } | { readonly atMost: number };

/** For people; a benchmark that fails a build on a busy machine teaches them to ignore it. */
export function verdict(
  of: string,
  measured: number | undefined,
  expected: Expectation,
  rounds: number,
  said: (value: number | undefined) => string = times,
): string {
  const bound = 'atLeast' in expected ? `at least ${said(expected.atLeast)}` : `at most ${said(expected.atMost)}`;
  const sentence = `${said(measured)} ${of} (expected ${bound})`;
  if (measured === undefined || rounds === 1) return `  too short to judge: ${sentence}`;
  const kept = 'atLeast' in expected ? measured >= expected.atLeast : measured <= expected.atMost;
  return `  ${kept ? 'as expected' : 'NOT AS EXPECTED'}: ${sentence}`;
}
