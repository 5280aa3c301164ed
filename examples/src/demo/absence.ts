import { oauthErrors } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import type { TradeOrder } from '@countersign/market';
import { type Client, refusalOf, type Token } from '@countersign/sdk';
import { orderToken, PlayFailed, refusals, type Stage, sendOrder, signInTrader } from './workflow.ts';

const absent = 'core';

/**
 * Kills the core process between the token for an order and its submission. Requests that need it are refused, nothing is
 * released, and work that only needs the other processes continues. Then core starts again.
 * @returns the token to continue with: a new one if the restart took nearly as long as the first was valid
 * @throws PlayFailed if a request was permitted, or another token of the transaction was issued meanwhile
 */
export async function loseCore(
  stage: Stage,
  operate: (...args: readonly string[]) => Promise<string>,
  {
    oms,
    order,
    token,
    transaction,
  }: { readonly oms: Client; readonly order: TradeOrder; readonly token: Token; readonly transaction: string },
): Promise<Token> {
  const { addresses, installation, timeline } = stage;
  const { issuer } = addresses;
  const tokensIssued = async (): Promise<number> => {
    const shown = await operate('log', 'show', '--transaction', transaction, '--type', 'token.issued');
    return shown.split('\n').filter((line) => line.includes('token.issued')).length;
  };

  timeline.chapter('The process that decides is killed between the token and the order');
  const before = await tokensIssued();
  const { assertion } = await signInTrader(stage);
  const killed = await installation.kill(absent);
  timeline.done(`process ${killed.pid} (${killed.name}) is killed: SIGKILL, it finishes nothing`);
  const refused = refusals(timeline);
  const refusedWithout = (what: string, attempt: () => Promise<unknown>) =>
    refused(what, 'peer_unavailable', () => byReason(attempt));
  await refusedWithout('the order, which the broker asks a decision for', () => sendOrder(stage, oms, token, order));
  await refusedWithout('another token for it', () => orderToken(stage, oms, order, assertion));
  for (const [what, path] of [
    ["the supervisor's page", `/approve/${transaction}`],
    ['the mandates', '/mandates'],
    ['the directory', '/directory/version'],
  ] as const)
    await refusedWithout(what, async () => {
      const answer = await fetch(`${issuer}${path}`, { headers: { accept: 'application/json' } });
      const body = await answer.text();
      if (answer.status !== 503) throw new PlayFailed(`${path} answers ${answer.status} without ${absent}`);
      throw refusalOf({ status: answer.status, body: JSON.parse(body) });
    });
  for (const [what, path] of [
    ['evidence still gives the checkpoint of the log', '/log/checkpoint'],
    ['edge still gives the keys of tokens', '/jwks'],
  ] as const) {
    const { status } = await fetch(`${issuer}${path}`);
    if (status !== 200) throw new PlayFailed(`${path} answers ${status} without ${absent}`);
    timeline.done(what);
  }
  const { status } = await fetch(`${issuer}/readyz`);
  if (status !== 503) throw new PlayFailed(`/readyz answers ${status} without ${absent}`);
  timeline.done('edge says that it is not ready (/readyz answers 503)');

  timeline.waiting(`starting ${absent} again`);
  const { pid } = await installation.start(absent);
  await untilReady(issuer);
  timeline.done(`process ${pid} (${absent}) is started again, with the keys and roles that it held before`);
  const after = await tokensIssued();
  if (after !== before) throw new PlayFailed(`${after - before} tokens were issued without ${absent}`);
  timeline.done(`nothing was released meanwhile: the log has ${after} token of this order, as before`);
  timeline.chapter('The order goes on');
  if (token.expiresAt - Date.now() > 60_000) return token;
  timeline.note('the token has nearly run out: the order system asks for another of the same transaction');
  return orderToken(stage, oms, order, (await signInTrader(stage)).assertion);
}

/** Token endpoints answer with an RFC 6749 code and add the failed rule. */
async function byReason<Result>(attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt();
  } catch (error) {
    if (!oauthErrors.is(error, 'temporarily_unavailable')) throw error;
    const { category, detail, facts } = error;
    throw new CodedError({ code: String(facts?.['reason']), category, detail });
  }
}

/** Requests are refused until the other processes have found the restarted process. */
async function untilReady(issuer: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await fetch(`${issuer}/readyz`)).ok) {
    if (performance.now() > deadline) throw new PlayFailed(`the control plane is not ready after ${absent} is`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
