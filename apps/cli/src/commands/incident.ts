import { readFileSync, writeFileSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';
import { createEmergencyTool, generateSigningKey, importSigningKey } from '@countersign/sdk/calling';
import type { Command } from 'commander';
import { request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect, issuerOf } from '../connection.ts';
import { bold, dim, print, red, yellow } from '../output.ts';
import { readJson } from '../read-json.ts';
import { visible } from '../visible.ts';

const keyFile = 'incident.jwk';
const methods = ['GET', 'POST', 'DELETE'] as const;

/** Emergency access. People declare, grant and review it with their security keys on /break-glass. */
export function incidentCommands(program: Command, options: () => ConnectionOptions): void {
  const incident = program.command('incident').description('emergency access: its key, its use and its history');
  incident
    .command('key')
    .description('make the key that emergency access will be bound to, and print the thumbprint to declare')
    .option('--out <file>', 'where the private key goes; a file that is there stays', keyFile)
    .action(({ out }: { out: string }) => {
      const key = generateSigningKey();
      writeFileSync(out, `${JSON.stringify(key.privateJwk)}\n`, { mode: 0o600, flag: 'wx' });
      print(key.kid);
      print(dim(`the private key is in ${out}; declare the thumbprint on /break-glass`));
    });
  incident
    .command('call <id> <method> <path>')
    .description('collect the access and do one thing with it, e.g. GET /transactions')
    .option('--with <file>', 'private key from `incident key`', keyFile)
    .option('--body <json>', 'what is sent')
    .action(async (id: string, method: string, path: string, flags: { with: string; body?: string }) => {
      const { tool, issuer } = toolOf(options(), flags.with);
      const known = methods.find((each) => each === method.toUpperCase());
      if (known === undefined || !path.startsWith('/'))
        throw new CodedError({
          code: 'call_malformed',
          category: 'invalid',
          detail: `Name a method (${methods.join(', ')}) and a path that begins with "/".`,
        });
      const answer = await tool.call(await tool.collect(id), {
        method: known,
        url: `${issuer}${path}`,
        ...(flags.body === undefined ? {} : { body: readBody(flags.body) }),
      });
      print(JSON.stringify(answer, undefined, 2));
    });
  incident
    .command('collect <id>')
    .description('collect the access, for another tool that has the key: prints the access token')
    .option('--with <file>', 'private key from `incident key`', keyFile)
    .action(async (id: string, flags: { with: string }) => {
      const token = await toolOf(options(), flags.with).tool.collect(id);
      print(token.accessToken);
      print(dim(`${token.scope}, until ${new Date(token.expiresAt).toISOString()}`));
    });
  incident
    .command('list')
    .description('emergencies, newest first')
    .option('--status <status>', 'declared, granted, reviewed, overdue or lapsed')
    .action(async ({ status }: { status?: string }) => {
      const inputs = { scope: 'breakglass:read', query: { status } } as const;
      const { incidents } = await request(connect(options()), 'GET /incidents', inputs);
      for (const each of incidents) draw(each);
      if (incidents.length === 0) print(dim('none'));
    });
}

function toolOf(options: ConnectionOptions, keyPath: string) {
  const issuer = options.url ?? issuerOf(options.data);
  const key = importSigningKey(readJson(keyPath, 'Make one with `countersign incident key`.'));
  return { issuer, tool: createEmergencyTool({ issuer, key }) };
}

/** JSON as typed, or `@file`. */
function readBody(text: string): unknown {
  try {
    return JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
  } catch (cause) {
    throw new CodedError({ code: 'body_not_json', category: 'invalid', detail: 'The body is not JSON.', cause });
  }
}

function draw(view: Schemas['Incident']): void {
  const status = view.status === 'overdue' ? red(view.status) : yellow(view.status);
  print(`${view.id}  ${bold(visible(view.reference))}  ${status}  ${visible(view.holder)}`);
  print(`  ${visible(view.reason)}`);
  print(dim(`  ${view.scopes.join(' ')} at ${visible(view.resource)}, declared ${view.declared_at}`));
  if (view.second !== undefined) print(dim(`  with ${visible(view.second)}, access until ${view.ends_at ?? ''}`));
  if (view.review !== undefined)
    print(
      dim(`  ${view.review.verdict}: ${visible(view.review.by)} at ${view.review.at}: ${visible(view.review.note)}`),
    );
  else if (view.review_due_at !== undefined) print(dim(`  review before ${view.review_due_at}`));
}
