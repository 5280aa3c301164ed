import type { Command } from 'commander';
import { request } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, print } from '../output.ts';

export function keyCommands(program: Command, options: () => ConnectionOptions): void {
  const key = program.command('key').description('signing keys of the control plane');
  key
    .command('list')
    .description('our signing keys with their state, age and place (software, or a token)')
    .action(async () => {
      const { keys } = await request(connect(options()), 'GET /keys', { scope: 'key:rotate' });
      for (const { purpose, state, kid, age_seconds: age, token } of keys) {
        const days = dim(`${Math.floor(age / 86_400)} days`);
        const place = token === undefined ? 'software' : `token ${token.serial} ${token.id}`;
        print(`${purpose.padEnd(18)} ${state.padEnd(9)} ${kid}  ${days}  ${place}`);
      }
    });
  key
    .command('rotate <purpose>')
    .description(
      'publish a successor of a key (access-token, id-token, transaction-token); it signs once every verifier can have it',
    )
    .action(async (purpose: string) => {
      const inputs = { scope: 'key:rotate', params: { purpose } } as const;
      const { kid, state } = await request(connect(options()), 'POST /keys/{purpose}/rotate', inputs);
      print(`${kid}  ${state}`);
    });
  key
    .command('token')
    .description('open the token of a configuration with its PIN, and describe it; needs no control plane')
    .requiredOption('--config <file>', 'with keys.pkcs11')
    .action(async ({ config }: { config: string }) => {
      const { describeToken } = await import('@countersign/server');
      const { label, serial, manufacturer, model } = await describeToken(config);
      print(`${label}  ${serial}  ${manufacturer}  ${model}`);
    });
  key
    .command('wrap')
    .description('encrypt the key-encryption key with a key that cannot leave the token; needs no control plane')
    .requiredOption('--config <file>', 'with keyEncryptionKey and keys.pkcs11')
    .requiredOption('--out <file>', 'made; it takes the place of keyEncryptionKey')
    .action(async ({ config, out }: { config: string; out: string }) => {
      const { wrapConfiguredKey } = await import('@countersign/server');
      const { label, serial } = await wrapConfiguredKey(config, out);
      print(`${out}  encrypted by ${label} ${serial}`);
      print(`Set "keyEncryptionKey": "file:${out}", start, and then destroy the key that was not encrypted.`);
    });
  key
    .command('withdraw <purpose> <kid>')
    .description('withdraw a lost key: its signatures are no longer accepted, and a successor signs at once')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (purpose: string, kid: string, { reason }: { reason: string }) => {
      const { successor } = await request(connect(options()), 'POST /keys/{purpose}/{kid}/withdraw', {
        scope: 'key:revoke',
        params: { purpose, kid },
        body: { reason },
      });
      print(`${kid}  withdrawn`);
      print(`${successor.kid}  ${successor.state}`);
    });
}
