import type { SmartCard } from '@countersign/server';
import type { Command } from 'commander';

export interface CardFlags {
  readonly pkcs11: string;
  readonly pin: string;
  readonly token?: string;
  readonly certificate?: string;
}

/** Options of commands that use a smart card. */
export function cardOptions(command: Command): Command {
  return command
    .requiredOption('--pkcs11 <module>', 'PKCS #11 module of the card, e.g. /usr/lib/x86_64-linux-gnu/opensc-pkcs11.so')
    .requiredOption('--pin <reference>', 'file:PATH or env:NAME; it is tried once')
    .option('--token <label>', 'if several cards or tokens are present')
    .option('--certificate <id>', 'id of the certificate and its key on the card, in hexadecimal');
}

export async function openCard({ pkcs11, pin, token }: CardFlags): Promise<SmartCard> {
  const { openSmartCard } = await import('@countersign/server');
  return openSmartCard({ module: pkcs11, pin, token: token === undefined ? {} : { label: token } });
}
