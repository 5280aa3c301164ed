import { CodedError } from '@countersign/kernel';
import { request } from 'undici';

export interface FetchLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/**
 * Fetches a small JSON document. Time and size are bounded, redirects are not followed (a redirect is how an
 * allowed address becomes a forbidden one), and any answer but 200 with JSON is refused.
 *
 * @throws CodedError `fetch_failed`
 */
export async function fetchJson(url: string, limits: FetchLimits): Promise<unknown> {
  try {
    const answer = await request(url, {
      method: 'GET',
      headers: { accept: 'application/json' },
      headersTimeout: limits.timeoutMs,
      bodyTimeout: limits.timeoutMs,
      signal: AbortSignal.timeout(limits.timeoutMs),
    });
    if (answer.statusCode !== 200) {
      await answer.body.dump({ limit: limits.maxBytes });
      throw new Error(`status ${answer.statusCode}`);
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer.body) {
      const bytes = Buffer.from(chunk as Uint8Array);
      size += bytes.length;
      if (size > limits.maxBytes) throw new Error(`more than ${limits.maxBytes} bytes`);
      chunks.push(bytes);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch (error) {
    throw new CodedError({
      code: 'fetch_failed',
      category: 'unavailable',
      detail: 'A document could not be fetched from a partner.',
      internal: `${url}: ${error instanceof Error ? error.message : 'failed'}`,
      cause: error,
    });
  }
}
