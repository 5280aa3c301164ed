import { writeFileSync } from 'node:fs';
import { createEnvelopeVerifier } from '@countersign/sdk/calling';
import type { Command } from 'commander';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, green, print, yellow } from '../output.ts';
import { visible } from './policy/visible.ts';

interface StepView {
  readonly event: string;
  readonly state: string;
  readonly version: number;
  readonly recordedAt: string;
  readonly recordId: string;
  readonly late?: boolean;
}

interface ApprovalView {
  readonly transaction: string;
  readonly intentDigest: string;
  readonly state: string;
  /** Told, like who approved, to their own institution alone. */
  readonly initiator?: string;
  readonly initiatorInstitution: string;
  readonly title: string;
  readonly lines: readonly { readonly label: string; readonly value: string }[];
  readonly warnings: readonly { readonly code: string; readonly detail: string }[];
  readonly awaited: readonly {
    readonly role: string;
    readonly count: number;
    readonly institution: string;
    readonly independent?: boolean;
  }[];
  readonly escalation: readonly { readonly role: string; readonly inPlaceOf: string; readonly from: string }[];
  readonly approvals: readonly { readonly approver?: string; readonly role: string; readonly institution: string }[];
}

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
    .description('its state, its intent and the approvals that stand, as JSON')
    .option(...readScope)
    .action(async (id: string, { scope }: { scope: string }) => {
      print(JSON.stringify(await read(connect(options()), id, '', scope), undefined, 2));
    });
  transaction
    .command('history <id>')
    .description('every step it took, oldest first')
    .option(...readScope)
    .action(async (id: string, { scope }: { scope: string }) => {
      const { steps } = (await read(connect(options()), id, '/history', scope)) as { steps: readonly StepView[] };
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
      const { envelope } = (await read(connection, id, '/envelope', scope)) as { envelope: string };
      const verifier = createEnvelopeVerifier({ issuer: connection.issuer });
      const claims = await verifier.verify(envelope, { transaction: id });
      if (out === undefined) return print(envelope);
      writeFileSync(out, `${envelope}\n`, { mode: 0o600 });
      print(JSON.stringify(claims, undefined, 2));
    });
  transaction
    .command('approval <id>')
    .description('what an approver is shown before they sign: every field, what deserves a second look, who is awaited')
    .option('--scope <scope>', 'the approve scope of this kind of intent', 'order:approve')
    .action(async (id: string, { scope }: { scope: string }) => {
      const view = (await read(connect(options()), id, '/approval', scope)) as ApprovalView;
      for (const line of drawApproval(view)) print(line);
    });
}

async function read({ issuer, client, token }: Connection, id: string, part: string, scope: string): Promise<unknown> {
  const url = `${issuer}/transactions/${encodeURIComponent(id)}${part}`;
  return client.callOrThrow(await token('transactions', scope), { method: 'GET', url });
}

function drawApproval(view: ApprovalView): readonly string[] {
  const widest = Math.max(0, ...view.lines.map(({ label }) => label.length));
  return [
    `${bold(visible(view.title))}  ${dim(view.transaction)}`,
    ...view.lines.map(({ label, value }) => `  ${visible(label).padEnd(widest)}  ${visible(value)}`),
    ...view.warnings.map(({ code, detail }) => yellow(`! ${code}  ${visible(detail)}`)),
    `begun by ${visible(view.initiator ?? 'somebody')} of ${view.initiatorInstitution}, ${view.state}`,
    ...view.approvals.map(({ approver, role, institution }) =>
      green(`approved by ${visible(approver ?? 'somebody')} as ${role} of ${institution}`),
    ),
    ...view.awaited.map(
      ({ role, count, institution, independent }) =>
        `wanted: ${count} × ${role} of ${institution}${independent === true ? ', independent of the desk that began it' : ''}`,
    ),
    ...view.escalation.map(({ role, inPlaceOf, from }) =>
      dim(`from ${from} also: ${visible(role)} in place of ${visible(inPlaceOf)}`),
    ),
    ...(view.awaited.length === 0 ? ['nobody is waited for'] : []),
    dim(`digest ${view.intentDigest}`),
  ];
}
