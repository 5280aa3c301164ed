import { writeFileSync } from 'node:fs';
import { buildGraph, drawGraph, parseBundle, recordsOfBundle } from '@countersign/evidence';
import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { request, type Schemas } from '../../api.ts';
import { type Connection, type ConnectionOptions, connect } from '../../connection.ts';
import { bold, dim, print, printBeside, printJson } from '../../output.ts';
import { readJson } from '../../read-json.ts';
import { visible } from '../../visible.ts';

/** As the interface answers, and as a bundle gives it. */
type ShownGraph = Pick<Schemas['EvidenceGraph']['graph'], 'nodes' | 'edges'>;

export function graphCommand(evidence: Command, options: () => ConnectionOptions): void {
  evidence
    .command('graph')
    .description('rebuild the chain of authority of a transaction: who, under what, decided how, and what became of it')
    .option('--transaction <id>', 'ask the control plane')
    .option('--bundle <file>', 'from a bundle instead: no network')
    .option('--out <file>', 'write the picture (SVG) there')
    .option('--json', 'print nodes and edges as JSON', false)
    .action(async (flags: { transaction?: string; bundle?: string; out?: string; json: boolean }) => {
      const { graph, draw } = flags.bundle === undefined ? ask(connect(options()), flags) : fromBundle(flags.bundle);
      if (flags.out !== undefined) {
        writeFileSync(flags.out, await draw(), { mode: 0o600 });
        const says = `${flags.out}  ${dim('open it in a browser; point at a box or a line for its record')}`;
        if (flags.json) printBeside(says);
        else print(says);
      }
      if (flags.json) printJson(await graph());
      else if (flags.out === undefined) for (const line of describeGraph(await graph())) print(line);
    });
}

function ask(connection: Connection, { transaction }: { transaction?: string }) {
  if (transaction === undefined)
    throw new CodedError({
      code: 'transaction_missing',
      category: 'invalid',
      detail: 'Name a transaction with --transaction, or a file with --bundle.',
    });
  const inputs = { scope: 'audit:read', params: { id: transaction } } as const;
  return {
    graph: async () => (await request(connection, 'GET /evidence/transactions/{id}/graph', inputs)).graph,
    draw: async () => String(await request(connection, 'GET /evidence/transactions/{id}/graph.svg', inputs)),
  };
}

function fromBundle(file: string) {
  const parsed = parseBundle(readJson(file, 'Name an evidence bundle.'));
  if (!parsed.ok)
    throw new CodedError({
      code: 'bundle_malformed',
      category: 'invalid',
      detail: `${file} is not an evidence bundle: ${parsed.problem}.`,
    });
  const graph = buildGraph(parsed.bundle.transaction, recordsOfBundle(parsed.bundle));
  return { graph: async () => graph, draw: async () => drawGraph(graph) };
}

/** The chain of authority as sentences, each with the place of the record that proves it. */
function describeGraph({ nodes, edges }: ShownGraph): readonly string[] {
  const named = new Map(nodes.map((node) => [node.id, node]));
  const name = (id: string) => {
    const node = named.get(id);
    return node === undefined ? visible(id) : `${bold(visible(node.label))} ${dim(visible(node.kind))}`;
  };
  return edges
    .filter(({ main }) => main)
    .map(
      ({ from, says, to, index }) =>
        `${dim(`#${visible(index)}`.padStart(7))}  ${name(from)}  ${visible(says)}  ${name(to)}`,
    );
}
