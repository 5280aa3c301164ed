import type { LightMyRequestResponse } from 'fastify';

/** The code that an error page names. */
export function pageCode(page: string): string | undefined {
  return /say this code: <code>([^<]*)<\/code>/.exec(page)?.[1];
}

/** The parameters of an answer at a redirect URI. */
export function answerOf(response: LightMyRequestResponse): Readonly<Record<string, string>> {
  const { location } = response.headers;
  if (typeof location !== 'string') throw new Error(`no redirect but ${response.statusCode}: ${response.body}`);
  return Object.fromEntries(new URL(location).searchParams);
}
