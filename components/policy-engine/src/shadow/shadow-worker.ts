import { parentPort } from 'node:worker_threads';
import { cedarErrors, createEntitySnapshot, parsePolicySet } from '@countersign/cedar';
import { createReferenceJudge } from './reference-answer.ts';
import type { ThreadAnswer, ToThread } from './reference-thread.ts';

// The thread of the shadow check. It parses the texts of bundles itself.

let judge: ReturnType<typeof createReferenceJudge> | undefined;

parentPort?.on('message', (asked: ToThread) => parentPort?.postMessage({ id: asked.id, ...answer(asked) }));

function answer({ texts, question, entities }: ToThread): ThreadAnswer {
  try {
    if (texts !== undefined) {
      // If these texts do not parse, the earlier ones must not answer.
      judge = undefined;
      judge = createReferenceJudge(parsePolicySet(texts.policies, texts.schema));
    }
    if (judge === undefined) return { outcome: 'failed', message: 'the texts of the bundle could not be read' };
    return { outcome: 'answered', answer: judge({ ...question, shared: createEntitySnapshot(entities), local: [] }) };
  } catch (error) {
    if (cedarErrors.is(error, 'request_refused')) return { outcome: 'refused' };
    return { outcome: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}
