import { isCodedError } from '@countersign/kernel';
import { createClient, createProtection, createTransport, type Transport } from '@countersign/sdk';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { createProver, type MachineClient, pick } from '../machine-clients.ts';
import { clearingScope, venueOrders } from '../market.ts';
import type { ServerProcess } from '../server-process.ts';

/** An access token for the venue, and who holds it. */
export interface HeldToken {
  readonly accessToken: string;
  readonly client: MachineClient;
}

/** Somebody who accepts a token until they know better. */
export interface Observer {
  readonly name: string;
  /** @throws what is no refusal of the token */
  accepts(token: HeldToken): Promise<boolean>;
}

export function createObservers({
  controlPlane,
  secondNode,
}: {
  readonly controlPlane: MeasuredControlPlane;
  readonly secondNode: ServerProcess;
}): readonly Observer[] {
  const { issuer, market } = controlPlane;
  const gateway = pick(market.gateways, 0);
  const second = towards(issuer, secondNode.url);
  const first = createTransport();
  return [
    introspecting('introspection, same node', { issuer, gateway, transport: first }),
    introspecting('introspection, second node', { issuer, gateway, transport: second }),
    enforcing('enforcement point, following the same node', { issuer, transport: first }),
    enforcing('enforcement point, following the second node', { issuer, transport: second }),
  ];
}

/** Leads what is meant for the issuer to one of its nodes. */
function towards(issuer: string, node: string): Transport {
  const transport = createTransport();
  return { send: (request) => transport.send({ ...request, url: request.url.replace(issuer, node) }) };
}

function introspecting(
  name: string,
  by: { readonly issuer: string; readonly gateway: MachineClient; readonly transport: Transport },
): Observer {
  const { issuer, gateway, transport } = by;
  const { id: clientId, key, proofKey } = gateway;
  const client = createClient({ issuer, clientId, key, proofKey, transport });
  return { name, accepts: async ({ accessToken }) => (await client.introspect(accessToken)) !== undefined };
}

function enforcing(name: string, by: { readonly issuer: string; readonly transport: Transport }): Observer {
  const protection = createProtection({ ...by, audience: venueOrders });
  return {
    name,
    async accepts({ accessToken, client }) {
      const prove = createProver({ method: 'GET', url: venueOrders, accessToken });
      const request = {
        method: 'GET',
        url: venueOrders,
        authorization: [`DPoP ${accessToken}`],
        dpop: [prove(client)],
      };
      try {
        await protection.check(request, { scope: clearingScope });
        return true;
      } catch (error) {
        if (isCodedError(error, 'token_revoked')) return false;
        throw error;
      }
    },
  };
}
