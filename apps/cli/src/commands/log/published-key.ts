import { CodedError, membersOf, parseJson } from '@countersign/kernel';
import { noAnswer } from '@countersign/sdk/calling';

/**
 * The verifier key that a control plane publishes about itself.
 *
 * @throws CodedError of `noAnswer`, `log_key_missing`
 */
export async function publishedKey(issuer: string): Promise<string> {
  const url = `${issuer}/.well-known/countersign`;
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(10_000) }).catch(
    (cause: unknown) => {
      throw noAnswer(cause, url, `${url} does not answer; is the control plane running?`);
    },
  );
  const parsed = parseJson(await answer.text());
  const key = parsed.ok ? membersOf(membersOf(parsed.value)?.['log'])?.['verifier_key'] : undefined;
  if (answer.ok && typeof key === 'string') return key;
  throw new CodedError({
    code: 'log_key_missing',
    category: 'not-found',
    detail: 'The control plane publishes no log key; pass --log-key.',
  });
}
