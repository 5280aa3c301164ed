/** The control plane of the demo, whether it is one process or several. */
export interface Installation {
  readonly issuer: string;
  /** Holds the keys of the operator's commands, and the configuration that names the issuer. */
  readonly dataFolder: string;
  /** Those that run now, in the order in which they were started. */
  readonly processes: readonly InstallationProcess[];
  /** Whether the control plane is several processes, of which one can fail alone. */
  readonly isSplit: boolean;
  /** Starts a process that was killed, with what it held before. Resolves when it is ready. */
  start(name: string): Promise<InstallationProcess>;
  /** By SIGKILL. Resolves when it is gone. */
  kill(name: string): Promise<InstallationProcess>;
  /** What somebody can read who has the files of the process that runs these components. */
  secretsOf(group: 'core'): ProcessSecrets;
}

export interface InstallationProcess {
  readonly name: string;
  readonly pid: number;
  /** For people: what it alone can do. */
  readonly holds: readonly string[];
}

export interface ProcessSecrets {
  /** From which the database passwords of the components of one group are derived. */
  readonly rolesSecret: string;
  readonly database: { readonly host: string; readonly port: number; readonly database: string };
}
