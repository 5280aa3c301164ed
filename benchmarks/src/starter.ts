export interface Stoppable {
  stop(): Promise<void>;
}

/** Registers a part that is starting, so that the run stops it at its end, also after an error. */
export type Starter = <Part extends Stoppable>(starting: Promise<Part>) => Promise<Part>;
