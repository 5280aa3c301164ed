import { readFileSync, writeFileSync } from 'node:fs';
import { signStepUp } from '@countersign/sdk/calling';
import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { print } from '../output.ts';
import { type CardFlags, cardOptions, openCard } from './card/card-options.ts';
import { certificateOn } from './card/certificate-on.ts';
import { chainOf } from './card/chain.ts';
import { requestOfCard } from './card/request-of-card.ts';

interface ConfirmFlags extends CardFlags {
  readonly challenge: string;
  readonly digest: readonly string[];
  readonly person?: string;
  readonly chain?: string;
}

/** Smart cards and tokens of people. */
export function cardCommands(program: Command, options: () => ConnectionOptions): void {
  const card = program.command('card').description('the certificate on your smart card or token');
  cardOptions(card.command('request'))
    .description('make a certificate request with a key of the card (--certificate is the id of the key)')
    .requiredOption('--out <file>', 'where to write the request, PEM')
    .action(async ({ out, ...flags }: CardFlags & { readonly out: string }) => {
      const opened = await openCard(flags);
      try {
        writeFileSync(out, await requestOfCard(opened, flags.certificate));
      } finally {
        opened.close();
      }
      print(out);
    });
  cardOptions(card.command('confirm'))
    .description('confirm what a sign-in page shows; paste the output into the page')
    .requiredOption('--challenge <text>', 'from the page')
    .requiredOption('--digest <digest...>', 'from the page: compare them with what you were shown')
    .option('--person <id>', 'who signs, if the certificate does not name a principal of this installation')
    .option('--chain <file>', 'PEM of the authorities of the certificate, if it is not one of this installation')
    .action(async ({ challenge, digest: intents, chain, ...flags }: ConfirmFlags) => {
      const { issuer } = connect(options());
      const opened = await openCard(flags);
      try {
        const { certificate, key, person } = certificateOn(opened, flags);
        const given = chain === undefined ? undefined : readFileSync(chain, 'latin1');
        const { certificates, statuses } = await chainOf(certificate, { issuer, given });
        const sign = async (octets: Uint8Array): Promise<Uint8Array> => key.sign(octets);
        const certified = { algorithm: key.algorithm, certificates, statuses, sign };
        print(await signStepUp({ person, issuer, challenge, intents }, certified));
      } finally {
        opened.close();
      }
    });
}
