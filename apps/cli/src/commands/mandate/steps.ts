import { readFileSync } from 'node:fs';
import { CodedError, digestOf, sha256Base64Url } from '@countersign/kernel';
import { FileContent, request } from '../../api.ts';
import { readJson } from '../../read-json.ts';
import { type AddCommands, printStep } from './door.ts';

const keyOption = [
  '--idempotency-key <key>',
  'the same key with the same file is the same step; left out, the file itself stands for one',
] as const;
const reasonOption = ['--reason <text>', 'why; it stays in the evidence for good, so it names no people'] as const;

const changes = {
  suspend: 'let nothing rest on a mandate until it is resumed; by the grantor',
  resume: 'let a suspended mandate stand again; by a signatory of the grantor who binds alone',
  revoke: 'end a mandate, and with it everything cut from it; by any party',
} as const;

/** The steps of a mandate, from its proposal to its end. */
export const stepCommands: AddCommands = (mandate, connection) => {
  mandate
    .command('propose <file>')
    .description('propose a mandate, as a signatory of the grantor; the file holds its terms')
    .option(...keyOption)
    .action(async (path: string, { idempotencyKey }: { idempotencyKey?: string }) => {
      const body = readJson(path, 'Name the terms of a mandate: docs/guides/mandates.md shows some.');
      printStep(
        await request(connection(), 'POST /mandates', {
          scope: 'mandate:grant',
          body: new FileContent(body),
          idempotencyKey: idempotencyKey ?? keyOf(body),
        }),
      );
    });
  mandate
    .command('accept <id>')
    .description('consent to a proposed mandate; with the last consent it is active')
    .option('--terms-hash <hash>', 'SHA-256 of the terms document, base64url, as you computed it')
    .option('--terms <file>', 'the terms document itself: its hash is computed here')
    .action(async (id: string, flags: { termsHash?: string; terms?: string }) => {
      const inputs = { scope: 'mandate:grant', params: { id }, body: { termsHash: termsHashOf(flags) } } as const;
      printStep(await request(connection(), 'POST /mandates/{id}/accept', inputs));
    });
  mandate
    .command('amend <id> <file>')
    .description('propose other terms for a mandate; until every party has agreed the present ones stand')
    .option(...keyOption)
    .action(async (id: string, file: string, { idempotencyKey }: { idempotencyKey?: string }) => {
      const body = readJson(file, 'Name a file with what changes, e.g. { "constraints": { ... } }.');
      printStep(
        await request(connection(), 'POST /mandates/{id}/amendments', {
          scope: 'mandate:grant',
          params: { id },
          body: new FileContent(body),
          idempotencyKey: idempotencyKey ?? keyOf({ id, body }),
        }),
      );
    });
  mandate
    .command('accept-amendment <id>')
    .description('consent to the amendment that waits; with the last consent its terms are in force')
    .requiredOption('--terms-digest <digest>', 'of the terms you were shown: nothing else is consented to')
    .action(async (id: string, { termsDigest }: { termsDigest: string }) => {
      const inputs = { scope: 'mandate:grant', params: { id }, body: { termsDigest } } as const;
      printStep(await request(connection(), 'POST /mandates/{id}/amendments/accept', inputs));
    });
  mandate
    .command('withdraw-amendment <id>')
    .description('withdraw the pending amendment; by any current or proposed party')
    .requiredOption(...reasonOption)
    .action(async (id: string, { reason }: { reason: string }) => {
      const inputs = { scope: 'mandate:revoke', params: { id }, body: { reason } } as const;
      printStep(await request(connection(), 'POST /mandates/{id}/amendments/withdraw', inputs));
    });
  for (const step of ['suspend', 'resume', 'revoke'] as const)
    mandate
      .command(`${step} <id>`)
      .description(changes[step])
      .requiredOption(...reasonOption)
      .action(async (id: string, { reason }: { reason: string }) => {
        const inputs = { params: { id }, body: { reason } };
        printStep(
          step === 'resume'
            ? await request(connection(), 'POST /mandates/{id}/resume', { ...inputs, scope: 'mandate:grant' })
            : await request(connection(), `POST /mandates/{id}/${step}`, { ...inputs, scope: 'mandate:revoke' }),
        );
      });
};

/** The default idempotency key follows from the content, so that a repetition after a time-out is not a second proposal. */
function keyOf(body: unknown): string {
  return `file-${digestOf(body)}`;
}

function termsHashOf({ termsHash, terms }: { readonly termsHash?: string; readonly terms?: string }): string {
  if (termsHash !== undefined && terms === undefined) return termsHash;
  if (terms !== undefined && termsHash === undefined) return sha256Base64Url(readDocument(terms));
  throw new CodedError({
    code: 'terms_not_named',
    category: 'invalid',
    detail: 'Show that you have the terms: name the document with --terms, or its hash with --terms-hash.',
  });
}

function readDocument(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CodedError({
      code: 'file_unreadable',
      category: 'invalid',
      detail: `${path} cannot be read. Name the terms document.`,
      cause,
    });
  }
}
