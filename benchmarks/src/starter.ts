export interface Stoppable {
  stop(): Promise<void>;
}

/** Registers a part that runs or is starting, so that it is stopped at the end, also after an error. */
export type Starter = <Part extends Stoppable>(starting: Part | Promise<Part>) => Promise<Part>;

export type Progress = (message: string) => void;

export const about = (what: string, onProgress: Progress): Progress => {
  return (message) => onProgress(`${what}: ${message}`);
};

export interface Run {
  readonly folder: string;
  readonly started: Starter;
  readonly onProgress: Progress;
}

/** Parts that are stopped together, the newest first. */
export function createParts(): Stoppable & { readonly started: Starter } {
  const parts: Promise<Stoppable | undefined>[] = [];
  return {
    started(starting) {
      const part = Promise.resolve(starting);
      // A part that failed to start has stopped by itself.
      parts.push(part.catch(() => undefined));
      return part;
    },
    async stop() {
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) await (await part)?.stop();
    },
  };
}
