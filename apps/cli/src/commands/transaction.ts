import { writeFileSync } from 'node:fs';
import { createEnvelopeVerifier } from '@countersign/sdk/calling';
import type { Command } from 'commander';
import { request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, green, print, printJson, yellow } from '../output.ts';
import { visible } from '../visible.ts';

const readScope = [
  '--scope <scope>',
  'what the token is for: order:read, settlement:read, trade:read or report:read, whichever this client holds',
  'order:read',
] as const;

export function transactionCommands(program: Command, options: () => ConnectionOptions): void {
  const transaction = program
    .command('transaction')
    .description('transactions that the institution whose client key is used is a party to');
  transaction
    .command('show <id>')
    .description('state, intent and valid approvals, as JSON')
    .option(...readScope)
    .action(async (id: string, { scope }: { scope: string }) => {
      printJson(await request(connect(options()), 'GET /transactions/{id}', { scope, params: { id } }));
    });
  transaction
    .command('history <id>')
    .description('every step it took, oldest first')
    .option(...readScope)
    .action(async (id: string, { scope }: { scope: string }) => {
      const route = 'GET /transactions/{id}/history';
      const { steps } = await request(connect(options()), route, { scope, params: { id } });
      for (const { event, state, version, recordedAt, recordId, late } of steps)
        print(
          `v${version}  ${recordedAt}  ${event.padEnd(12)} -> ${bold(state)}${late === true ? yellow('  late') : ''}  ${dim(recordId)}`,
        );
      if (steps.length === 0) print(dim('none yet'));
    });
  transaction
    .command('envelope <id>')
    .description('have an identity envelope issued, check it with the published keys, and print it')
    .option(...readScope)
    .option('--out <file>', 'write the envelope there, and print what it says')
    .action(async (id: string, { scope, out }: { scope: string; out?: string }) => {
      const connection = connect(options());
      const route = 'GET /transactions/{id}/envelope';
      const { envelope } = await request(connection, route, { scope, params: { id } });
      const verifier = createEnvelopeVerifier({ issuer: connection.issuer });
      const claims = await verifier.verify(envelope, { transaction: id });
      if (out === undefined) return print(envelope);
      writeFileSync(out, `${envelope}\n`, { mode: 0o600 });
      printJson(claims);
    });
  transaction
    .command('approval <id>')
    .description('what an approver sees before signing: every field, warnings and outstanding approvals')
    .option('--scope <scope>', 'the approve scope of this kind of intent', 'order:approve')
    .action(async (id: string, { scope }: { scope: string }) => {
      const view = await request(connect(options()), 'GET /transactions/{id}/approval', { scope, params: { id } });
      for (const line of drawApproval(view)) print(line);
    });
}

function drawApproval(view: Schemas['ApprovalView']): readonly string[] {
  const widest = Math.max(0, ...view.lines.map(({ label }) => label.length));
  return [
    `${bold(visible(view.title))}  ${dim(view.transaction)}`,
    ...view.lines.map(({ label, value }) => `  ${visible(label).padEnd(widest)}  ${visible(value)}`),
    ...view.warnings.map(({ code, detail }) => yellow(`! ${code}  ${visible(detail)}`)),
    `started by ${visible(view.initiator ?? 'somebody')} of ${view.initiatorInstitution}, ${view.state}`,
    ...view.approvals.map(({ approver, role, institution }) =>
      green(`approved by ${visible(approver ?? 'somebody')} as ${role} of ${institution}`),
    ),
    ...view.awaited.map(
      ({ role, count, institution, independent }) =>
        `outstanding: ${count} × ${role} of ${institution}${independent === true ? ', independent of the desk that started it' : ''}`,
    ),
    ...view.escalation.map(({ role, inPlaceOf, from }) =>
      dim(`from ${from} also: ${visible(role)} in place of ${visible(inPlaceOf)}`),
    ),
    ...(view.awaited.length === 0 ? ['nobody is waited for'] : []),
    dim(`digest ${view.intentDigest}`),
  ];
}
