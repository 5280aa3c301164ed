import type { KeyCache } from '@countersign/oauth';
import { type Graph, graphOf } from './entry.ts';
import { createProblems } from './problems.ts';
import { readFile } from './read-file.ts';
import { checkGraph } from './rules/index.ts';

/** The directory file beneath the stored graph. @throws CodedError of `directoryErrors` if it is invalid */
export function readSeed(input: unknown, keys: KeyCache): Graph {
  const problems = createProblems();
  const graph = graphOf(readFile(input, problems.place('seed:'), keys).entries);
  checkGraph(graph, problems);
  const error = problems.asError();
  if (error !== undefined) throw error;
  return graph;
}
