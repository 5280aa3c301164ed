import type { Worker } from 'node:worker_threads';
import type { Answer, EntityInput, EntityUid } from '@countersign/cedar';
import { startThread } from '@countersign/runtime';
import { collectReferences } from '../decision/entity-facts.ts';
import type { Question } from '../decision/question.ts';

/** The reference engine in a separate thread. Nothing waits for it, even if it is slow, full or down. */
interface ReferenceThread<Subject> {
  /**
   * Sends a question with a subject that comes back with the answer.
   * @param texts of the bundle; sent only if they differ from those of the previous question
   * @returns false if the queue is full or the thread is down
   */
  ask(subject: Subject, texts: NonNullable<ToThread['texts']>, asked: Pick<ToThread, 'question' | 'entities'>): boolean;
  stop(): Promise<void>;
}

interface ReferenceThreadOptions<Subject> {
  readonly file: URL;
  /** Maximum number of unanswered questions. */
  readonly maxWaiting: number;
  /** Maximum time for one answer, including reading a bundle; a slower thread is terminated. */
  readonly answerWithinMs: number;
  /** Delay before the first restart; doubles with each restart until an answer arrives. */
  readonly restMs: number;
  readonly onAnswer: (subject: Subject, answer: ThreadAnswer) => void;
  /** The thread ended or was terminated; its open questions are lost. */
  readonly onFailure: (error: Error, lost: number) => void;
}

const longestRestMs = 60_000;

interface Running<Subject> {
  readonly worker: Worker;
  readonly waiting: Map<number, Subject>;
  texts: ToThread['texts'];
  overdue: NodeJS.Timeout | undefined;
}

/** Starts the thread with the first question. It does not keep the process alive. */
export function createReferenceThread<Subject>(options: ReferenceThreadOptions<Subject>): ReferenceThread<Subject> {
  let running: Running<Subject> | undefined;
  let lastId = 0;
  let stopped = false;
  let resting: NodeJS.Timeout | undefined;
  let restMs = options.restMs;

  function start(): Running<Subject> {
    const worker = startThread(options.file, { name: 'policy shadow' });
    const current: Running<Subject> = { worker, waiting: new Map(), texts: undefined, overdue: undefined };
    worker.on('message', (message: FromThread) => answered(current, message));
    worker.on('error', (error) => failed(current, error));
    worker.on('exit', (code) => failed(current, new Error(`the thread ended with ${code}`)));
    worker.unref();
    return current;
  }

  function watch(of: Running<Subject>): void {
    clearTimeout(of.overdue);
    of.overdue = undefined;
    if (of.waiting.size === 0) return;
    of.overdue = setTimeout(() => {
      failed(of, new Error(`no answer within ${options.answerWithinMs} ms`));
      void of.worker.terminate();
    }, options.answerWithinMs);
    of.overdue.unref();
  }

  function answered(from: Running<Subject>, { id, ...answer }: FromThread): void {
    const subject = from.waiting.get(id);
    if (from !== running || subject === undefined) return;
    from.waiting.delete(id);
    watch(from);
    restMs = options.restMs;
    options.onAnswer(subject, answer);
  }

  function failed(ended: Running<Subject>, error: Error): void {
    if (ended !== running) return;
    running = undefined;
    clearTimeout(ended.overdue);
    resting = setTimeout(() => {
      resting = undefined;
    }, restMs);
    resting.unref();
    restMs = Math.min(restMs * 2, longestRestMs);
    options.onFailure(error, ended.waiting.size);
  }

  return {
    ask(subject, texts, asked) {
      if (stopped || resting !== undefined) return false;
      running ??= start();
      if (running.waiting.size >= options.maxWaiting) return false;
      lastId += 1;
      const message: ToThread = { id: lastId, ...(running.texts === texts ? {} : { texts }), ...asked };
      running.worker.postMessage(message);
      running.texts = texts;
      running.waiting.set(lastId, subject);
      if (running.overdue === undefined) watch(running);
      return true;
    },
    async stop() {
      stopped = true;
      clearTimeout(resting);
      const last = running;
      running = undefined;
      clearTimeout(last?.overdue);
      await last?.worker.terminate();
    },
  };
}

export interface ToThread {
  readonly id: number;
  /** Present if the bundle differs from that of the previous question. */
  readonly texts?: { readonly schema: string; readonly policies: string };
  readonly question: Pick<Question, 'principal' | 'action' | 'resource' | 'context'>;
  readonly entities: readonly EntityInput[];
}

/** An answer of the thread: one for each question, in order. */
type FromThread = { readonly id: number } & ThreadAnswer;

export type ThreadAnswer =
  | { readonly outcome: 'answered'; readonly answer: Answer }
  /** The policies do not answer such a question. */
  | { readonly outcome: 'refused' }
  | { readonly outcome: 'failed'; readonly message: string };

/** A question with only the reachable entities of the directory, to be sent to a thread. */
export function portable(
  { principal, action, resource, context, shared, local }: Question,
  named: readonly EntityUid[],
): Pick<ToThread, 'question' | 'entities'> {
  const roots: EntityUid[] = [principal, resource, ...named];
  collectReferences(context, roots);
  return { question: { principal, action, resource, context }, entities: shared.with(local).closureOf(roots) };
}
