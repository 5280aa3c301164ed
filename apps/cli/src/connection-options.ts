import type { Command } from 'commander';
import { readAddress } from './read-address.ts';

/** Options of every command that talks to a control plane. */
export interface ConnectionOptions {
  /** Data folder of a development control plane, from which its address and the operator's key are read. */
  readonly data: string;
  readonly url?: string;
  readonly key?: string;
  readonly client?: string;
  /** The person at this machine signs in with a browser for changes that need a person. */
  readonly signIn?: true;
  /** PEM file of additional trusted certificate authorities. */
  readonly ca?: string;
}

/** Adds {@link ConnectionOptions} to a command. */
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
