export interface Stoppable {
  stop(): Promise<void>;
}

/** Takes note of what is just starting, so that it gets stopped with everything else, however the run ends. */
export type Starter = <Part extends Stoppable>(starting: Promise<Part>) => Promise<Part>;
