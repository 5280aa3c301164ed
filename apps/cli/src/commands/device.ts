import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CodedError, sha256Base64Url } from '@countersign/kernel';
import { importSigningKey } from '@countersign/sdk/calling';
import type { Command } from 'commander';
import { type Answer, request, type Schemas } from '../api.ts';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, green, print, red } from '../output.ts';
import { readJson } from '../read-json.ts';

/** Managed workstations and phones: their identities and their posture. */
export function deviceCommands(program: Command, options: () => ConnectionOptions): void {
  const device = program.command('device').description('managed workstations and phones: enrolment and posture');
  device
    .command('list')
    .description('the devices of your firm with posture and enrolments')
    .action(() => list(connect(options())));
  device
    .command('enrol <device>')
    .description('print a single-use link that enrols a browser on the device; or enrol its certificate')
    .option('--certificate <file>', 'PEM; a connection with this certificate counts as this device')
    .action(async (id: string, { certificate }: { certificate?: string }) => {
      const connection = connect(options());
      if (certificate === undefined) await link(connection, id);
      else await enrolCertificate(connection, id, certificate);
    });
  device
    .command('remove <device>')
    .description('remove an enrolment of the device: one key or certificate, or all of them')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--thumbprint <digest>', 'of one key or certificate, as `device list` prints it')
    .action(async (id: string, body: { reason: string; thumbprint?: string }) => {
      const { removed } = await request(connect(options()), 'POST /devices/{device}/remove', {
        scope: 'device:enrol',
        params: { device: id },
        body,
      });
      print(`${removed} removed`);
    });
  device
    .command('posture <file>')
    .description('report the posture of devices: a signed report, or with --feed and --signing-key a list to sign')
    .option('--feed <name>', 'name of the feed, as the control plane is configured with it')
    .option('--signing-key <file>', 'private JWK of the feed')
    .action(async (file: string, signing: { feed?: string; signingKey?: string }) => {
      const connection = connect(options());
      const report = reportIn(file, signing, connection.issuer);
      drawReport(await request(connection, 'POST /devices/posture', { scope: 'device:report', body: { report } }));
    });
}

async function list(connection: Connection): Promise<void> {
  let after: string | undefined;
  do {
    const inputs = { scope: 'device:read', query: { after } } as const;
    const { devices }: Answer<'GET /devices'> = await request(connection, 'GET /devices', inputs);
    for (const each of devices) drawDevice(each);
    if (after === undefined && devices.length === 0) print(dim('none'));
    after = devices.at(-1)?.id;
  } while (after !== undefined);
}

function drawDevice({ id, holder, posture, shownBy }: Schemas['ManagedDevice']): void {
  const state = posture.posture === 'compliant' ? green('compliant') : red(`failing ${posture.failed.join(', ')}`);
  print(`${bold(id)}  ${holder ?? dim('anyone at the firm')}`);
  print(`  ${state}  ${dim(`${posture.postureAt} by ${posture.source}`)}`);
  for (const { by, thumbprint, enrolledAt } of shownBy) print(`  ${by.padEnd(11)} ${thumbprint}  ${dim(enrolledAt)}`);
  if (shownBy.length === 0) print(dim('  not enrolled'));
}

async function link(connection: Connection, id: string): Promise<void> {
  const made = await request(connection, 'POST /devices/{device}/links', {
    scope: 'device:enrol',
    params: { device: id },
  });
  print(`${connection.issuer}${made.path}`);
  print(dim(`Open it on ${id}, in the browser that is used there. It works once, until ${made.expiresAt}.`));
}

async function enrolCertificate(connection: Connection, id: string, file: string): Promise<void> {
  const thumbprint = thumbprintOf(file);
  await request(connection, 'POST /devices/{device}/certificates', {
    scope: 'device:enrol',
    params: { device: id },
    body: { thumbprint },
  });
  print(`${id} is enrolled with the certificate ${thumbprint}`);
}

/** RFC 8705 section 3.1. */
function thumbprintOf(file: string): string {
  try {
    return sha256Base64Url(new X509Certificate(readFileSync(file)).raw);
  } catch (cause) {
    throw unreadable(file, 'as a certificate', cause);
  }
}

/** Larger than the longest report that a control plane accepts. */
const longestFile = 1_048_576;

function reportIn(
  file: string,
  { feed, signingKey }: { readonly feed?: string; readonly signingKey?: string },
  audience: string,
): string {
  if (feed === undefined && signingKey === undefined) return textIn(file).trim();
  if (feed === undefined || signingKey === undefined)
    throw new CodedError({
      code: 'connection_settings',
      category: 'invalid',
      detail: 'Name both --feed and --signing-key to have a list signed, or neither to send a report that is.',
    });
  const devices = readJson(file, 'It is a list of { device, posture, posture_at, failed? }.');
  const key = importSigningKey(readJson(signingKey, 'Name the private key of the feed with --signing-key.'));
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = { alg: key.algorithm, typ: 'countersign-posture+jwt', kid: key.kid };
  // Includes milliseconds, because a feed may report more than once a second.
  const input = `${encoded(header)}.${encoded({ iss: feed, aud: audience, iat: Date.now() / 1000, devices })}`;
  return `${input}.${Buffer.from(key.sign(Buffer.from(input))).toString('base64url')}`;
}

function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(0, longestFile);
  } catch (cause) {
    throw unreadable(file, 'as text', cause);
  }
}

function unreadable(file: string, what: string, cause: unknown): CodedError {
  const why = cause instanceof Error ? cause.message : 'fault';
  return new CodedError({
    code: 'file_unreadable',
    category: 'invalid',
    detail: `${file} cannot be read ${what} (${why}).`,
    cause,
  });
}

function drawReport({ taken, changed, unknown, older }: Answer<'POST /devices/posture'>): void {
  print(`${taken} taken, ${changed} changed`);
  for (const id of unknown) print(`${red('unknown')}  ${id}`);
  for (const id of older) print(`${dim('older')}    ${id}`);
}
