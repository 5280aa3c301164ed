import { type Outbound, outboundErrors } from '@countersign/contracts';

/** Posts as the gateway does, without its rules: those are tested there. */
export const plainOutbound: Pick<Outbound, 'post'> = {
  async post(url, { contentType, body, headers = {}, authorization, timeoutMs = 1_000 }) {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          ...headers,
          'content-type': contentType,
          ...(authorization === undefined ? {} : { authorization }),
        },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.body?.cancel();
      return { status: answer.status };
    } catch {
      throw outboundErrors.error('outbound_failed', 'The address did not answer as it must.');
    }
  },
};
