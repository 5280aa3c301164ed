import { type Outbound, outboundErrors } from '@countersign/contracts';
import { defined } from '@countersign/kernel';

/** Requests like the gateway's, without its production rules, which have tests of their own. */
export const plainOutbound: Outbound = {
  async getJson(url, { timeoutMs = 1_000, maxBytes = 65_536 } = {}) {
    const response = await ask(url, { signal: AbortSignal.timeout(timeoutMs) });
    const text = await textOf(response);
    if (response.status !== 200 || text.length > maxBytes) throw failed();
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw failed(cause);
    }
  },
  async post(url, { contentType, body, headers = {}, authorization, timeoutMs = 1_000 }) {
    const answer = await ask(url, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': contentType,
        ...defined({ authorization }),
      },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    await answer.body?.cancel();
    return { status: answer.status };
  },
};

async function ask(url: string, request: RequestInit): Promise<Response> {
  if (!/^https?:\/\//.test(url))
    throw outboundErrors.error('outbound_address_refused', 'The address must be an http or https URL.');
  try {
    return await fetch(url, { ...request, redirect: 'error' });
  } catch (cause) {
    throw failed(cause);
  }
}

async function textOf(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    throw failed(cause);
  }
}

function failed(cause?: unknown) {
  return outboundErrors.error('outbound_failed', 'The response of the address is invalid.', { cause });
}
