import {
  type CertificateOrder,
  type Decision,
  kindOfPrincipal,
  type Requester,
  type WorkloadBinding,
} from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';

/** Asks the policies whether a holder may have certificates of a profile. */
export function createIssuanceDecider({
  policyEngine,
  clock,
  issuer,
}: Pick<CertificateAuthorityDependencies, 'policyEngine' | 'clock' | 'issuer'>) {
  return (
    order: Pick<CertificateOrder, 'holder' | 'profile' | 'workload'>,
    institution: string,
    by: Requester & { readonly client?: string },
  ): Promise<Decision> => {
    // A device cannot ask for itself. The policies see the person or client that asks.
    const isDevice = kindOfPrincipal(order.holder) === 'device';
    return policyEngine.decide({
      principal: isDevice ? by.id : order.holder,
      action: 'certificate:issue',
      resource: { type: 'resource', uri: `urn:countersign:certificate-profile:${order.profile}` },
      context: {
        client: by.client ?? '',
        institution: by.institution ?? institution,
        audience: `${issuer}/certificates`,
        at: clock.now(),
        scopes: ['certificate:issue'],
        mandateInForce: false,
        actors: [by.id, ...(by.through ?? [])],
        ...(order.workload === undefined ? {} : { workload: attestedOf(order.workload) }),
      },
    });
  };
}

/** The facts about a workload that policies see. */
const attestedOf = ({ level, environment, image, configuration }: WorkloadBinding) => ({
  ...{ level, environment, image },
  ...defined({ configuration }),
});
