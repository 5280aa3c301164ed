import { readFileSync, writeFileSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';
import { signCertifiedApproval } from '@countersign/sdk/calling';
import type { Command } from 'commander';
import { request } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { print } from '../output.ts';
import { type CardFlags, cardOptions, openCard } from './card/card-options.ts';
import { certificateOn } from './card/certificate-on.ts';
import { chainOf } from './card/chain.ts';

interface Flags extends CardFlags {
  readonly digest: string;
  readonly scope: string;
  readonly role?: string;
  readonly person?: string;
  readonly chain?: string;
  readonly out?: string;
}

/** Approval with a smart card: the card signs the digest of the intent. */
export function approveCommand(program: Command, options: () => ConnectionOptions): void {
  cardOptions(program.command('approve <transaction>'))
    .description('approve a transaction with the certificate on your smart card or token')
    .requiredOption('--digest <digest>', 'the digest that `transaction approval` printed: nothing else is approved')
    .option('--scope <scope>', 'the approve scope of this kind of intent', 'order:approve')
    .option('--role <role>', 'for people with several approver roles')
    .option('--person <id>', 'who signs, if the certificate does not name a principal of this installation')
    .option('--chain <file>', 'PEM of the authorities of the certificate, if it is not one of this installation')
    .option('--out <file>', 'write the signed approval there instead of sending it')
    .action(async (transaction: string, flags: Flags) => {
      const connection = connect(options());
      const { scope, digest, role, out } = flags;
      const inputs = { scope, params: { id: transaction } } as const;
      const view = await request(connection, 'GET /transactions/{id}/approval', inputs);
      if (view.intentDigest !== digest)
        throw new CodedError({
          code: 'approval_terms_changed',
          category: 'conflict',
          detail: `The digest of ${transaction} is ${view.intentDigest}. Review it again with \`transaction approval\`.`,
        });
      const card = await openCard(flags);
      try {
        const { certificate, key, person } = certificateOn(card, flags);
        const given = flags.chain === undefined ? undefined : readFileSync(flags.chain, 'latin1');
        const { certificates, statuses } = await chainOf(certificate, { issuer: connection.issuer, given });
        const terms = { approver: person, transaction, intentDigest: digest, lifeSeconds: 600 };
        const jws = await signCertifiedApproval(
          { ...terms, ...(role === undefined ? {} : { role }) },
          { algorithm: key.algorithm, certificates, statuses, sign: async (octets) => key.sign(octets) },
        );
        if (out !== undefined) return writeFileSync(out, `${jws}\n`, { mode: 0o600 });
        const route = 'POST /transactions/{id}/approvals';
        const approval = await request(connection, route, { ...inputs, body: { jws } });
        print(`${approval.id}  ${approval.approver ?? person} as ${approval.role}, until ${approval.expiresAt}`);
      } finally {
        card.close();
      }
    });
}
