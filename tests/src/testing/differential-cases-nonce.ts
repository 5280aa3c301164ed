import { type Case, flow, introspect, machineToken, push, redeem } from './differential-case.ts';
import { observe } from './differential-observation.ts';
import { type Answer, proofOf, send } from './differential-requests.ts';
import type { Side } from './differential-side.ts';

/** The nonce in a response. @throws Error when there is none: the next request would compare nothing */
function nonceIn({ headers, status, text }: Answer): string {
  const nonce = headers.get('dpop-nonce');
  if (nonce === null) throw new Error(`no nonce with ${status} ${text.slice(0, 200)}`);
  return nonce;
}

const proofWith = (side: Side, nonce: unknown) => proofOf(side, side.key('reader'), { claims: { nonce } });
const nonceOf = async (side: Side): Promise<string> => nonceIn(await machineToken(side));

const asking = (name: string, nonce: (side: Side) => Promise<unknown>): Case => ({
  name: `nonces required: client_credentials: ${name}`,
  ask: async (side) => observe(side, await machineToken(side, { proofs: [proofWith(side, await nonce(side))] })),
});

/** RFC 9449 section 8, for servers that require a nonce in every proof. */
export const nonceCases: readonly Case[] = [
  asking('a proof without a nonce', async () => undefined),
  asking('a proof with the nonce of the answer before', nonceOf),
  asking('a nonce of somebody else', async () => 'nonce-of-somebody-else'),
  asking('a nonce with a sign changed', async (side) => {
    const nonce = await nonceOf(side);
    return `${nonce.slice(0, -2)}${nonce.endsWith('AA') ? 'BB' : 'AA'}`;
  }),
  asking('a nonce that is a number', async () => 7),
  asking('an empty nonce', async () => ''),
  {
    name: 'nonces required: client_credentials: one nonce in two proofs',
    async ask(side) {
      const nonce = await nonceOf(side);
      await machineToken(side, { proofs: [proofWith(side, nonce)] });
      return observe(side, await machineToken(side, { proofs: [proofWith(side, nonce)] }));
    },
  },
  {
    name: 'nonces required: client_credentials: an old proof with a good nonce',
    async ask(side) {
      const nonce = await nonceOf(side);
      const claims = { nonce, iat: Math.floor(Date.now() / 1000) - 3_600 };
      return observe(side, await machineToken(side, { proofs: [proofOf(side, side.key('reader'), { claims })] }));
    },
  },
  {
    name: 'nonces required: client_credentials: mutual TLS needs none',
    ask: async (side) => observe(side, await machineToken(side, { client: 'pki-desk', certificate: 'issued' })),
  },
  {
    name: 'nonces required: PAR: a proof without a nonce',
    ask: async (side) => observe(side, await push(side, { proofs: [proofOf(side, side.key('desk'), {}, 'par')] })),
  },
  {
    name: 'nonces required: PAR: no proof',
    ask: async (side) => observe(side, await push(side)),
  },
  {
    name: 'nonces required: authorization_code: a proof without a nonce leaves the code as it is',
    async ask(side) {
      const begun = await flow(side);
      const nonce = nonceIn(await redeem(side, begun));
      const proofs = [proofOf(side, side.key('desk'), { claims: { nonce } })];
      return observe(side, await redeem(side, begun, { proofs }));
    },
  },
  {
    name: 'nonces required: introspection: needs no proof',
    ask: async (side) => observe(side, await introspect(side, 'unknown')),
  },
  {
    name: 'nonces required: userinfo: no token and no proof',
    ask: async (side) => observe(side, await send(side, { endpoint: 'userinfo', method: 'GET' })),
  },
];
