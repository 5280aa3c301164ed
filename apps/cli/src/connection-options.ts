import type { Command } from 'commander';
import { readAddress } from './read-address.ts';

/** Options every command that talks to a control plane has. */
export interface ConnectionOptions {
  /** Data folder of a development control plane: its address and the operator's key are read from it. */
  readonly data: string;
  readonly url?: string;
  readonly key?: string;
  readonly client?: string;
  /** Governing acts are done by the person at this machine, who signs in by a browser. */
  readonly signIn?: true;
  /** PEM file of authorities whose servers are trusted too. */
  readonly ca?: string;
}

/** {@link ConnectionOptions}, as they are typed. */
export function withConnectionOptions(command: Command): Command {
  return command
    .option(
      '--data <folder>',
      'data folder of a development control plane (address and operator key are read from it)',
      'data',
    )
    .option('--url <issuer>', 'address of a control plane (http or https), instead of --data', readAddress)
    .option('--client <id>', 'client to act as', 'countersign-cli')
    .option('--key <file>', 'private JWK of that client; default: operator.jwk in the data folder')
    .option('--sign-in', 'for commands that need a person: sign in with a browser, at the address that is printed')
    .option(
      '--ca <file>',
      'PEM certificates of authorities to trust as well, for a control plane with a certificate of your own',
    );
}
